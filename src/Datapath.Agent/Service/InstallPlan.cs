using System.Collections.Immutable;
using System.Text;
using Datapath.Agent.Commands;

namespace Datapath.Agent.Service;

/// <summary>What an installation consists of, in the order in which it is made; the other way round it is taken away.</summary>
internal static class InstallPlan
{
    private const UnixFileMode Program = (UnixFileMode)0b111_101_101;
    private const UnixFileMode OwnerOnly = (UnixFileMode)0b111_000_000;

    /// <summary>The steps.</summary>
    /// <param name="layout">Where to.</param>
    /// <param name="parts">What is installed.</param>
    /// <param name="program">The commands and options, which manual page, completions and configuration file are made of.</param>
    public static ImmutableArray<InstallStep> Of(InstallLayout layout, InstallParts parts, ProgramDescription program)
    {
        ImmutableArray<InstallStep>.Builder steps = ImmutableArray.CreateBuilder<InstallStep>();
        if (parts.IsSingleFile)
        {
            steps.Add(new FileStep(layout.Executable, () => File.OpenRead(parts.Executable)) { Mode = Program });
        }

        steps.Add(Text(layout.ManualPage, ManualPage.Render(program)));
        steps.Add(Text(layout.BashCompletion, BashCompletion.Render(program)));
        steps.Add(Text(layout.ZshCompletion, ZshCompletion.Render(program)));
        steps.Add(Text(layout.FishCompletion, FishCompletion.Render(program)));
        steps.Add(new DirectoryStep(InstallLayout.ConfigurationDirectory, Program) { IsOfUser = true });
        steps.Add(Text(InstallLayout.ConfigurationFile, ConfigurationText.Render(program)) with { IsOfUser = true });
        steps.Add(new DirectoryStep(InstallLayout.PolicyDirectory, Program) { IsOfUser = true });
        steps.Add(new DirectoryStep(InstallLayout.StateDirectory, OwnerOnly) { IsOfUser = true });
        steps.Add(Text(layout.UnitFile, UnitText.Of(parts.IsSingleFile ? layout.Executable : parts.Executable)));
        if (!layout.IsPackage)
        {
            steps.Add(new LinkStep(InstallLayout.Enablement, layout.UnitFile));
        }

        return steps.ToImmutable();
    }

    private static FileStep Text(string path, string text) => new(path, () => new MemoryStream(Encoding.UTF8.GetBytes(text)));
}
