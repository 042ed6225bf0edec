using System.Collections.Immutable;
using Datapath.Agent.Commands;
using Datapath.Agent.Documents;

namespace Datapath.Agent.Service;

/// <summary>It cannot be installed or uninstalled here.</summary>
internal sealed class InstallException(string message) : Exception(message);

/// <summary>What was done.</summary>
/// <param name="Steps">In that order.</param>
/// <param name="Problems">What could not be, one sentence each.</param>
internal sealed record InstallReport(ImmutableArray<(StepResult Result, string What)> Steps, ImmutableArray<string> Problems);

/// <summary>Installs and uninstalls. Each step looks first: a second run does nothing, one that was interrupted is finished by the next.</summary>
/// <param name="layout">Where to.</param>
/// <param name="parts">What.</param>
/// <param name="program">Commands and options.</param>
/// <param name="dryRun">Only look.</param>
internal sealed class Installer(InstallLayout layout, InstallParts parts, ProgramDescription program, bool dryRun)
{
    private const string GroupFile = "/etc/group";

    /// <summary>What dpkg has of the package once it is installed.</summary>
    private const string PackageRecord = "/var/lib/dpkg/info/datapath.list";

    private readonly ImmutableArray<(StepResult, string)>.Builder _done = ImmutableArray.CreateBuilder<(StepResult, string)>();
    private readonly ImmutableArray<string>.Builder _problems = ImmutableArray.CreateBuilder<string>();

    private bool RunsUnderSystemd => layout.IsThisHost && parts.HasSystemd;

    /// <summary>Installs.</summary>
    /// <param name="start">Start the service, too.</param>
    /// <exception cref="InstallException">A package has installed it.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be written.</exception>
    public InstallReport Install(bool start)
    {
        RefuseBesidePackage();
        MakeGroup();
        bool isUnitNew = false;
        foreach (InstallStep step in InstallPlan.Of(layout, parts, program))
        {
            StepResult result = step.Install(layout.On(step.Path), dryRun);
            _done.Add((result, step.Path));
            isUnitNew |= result != StepResult.Unchanged && (step.Path == layout.UnitFile || step.Path == InstallLayout.Enablement);
        }

        if (RunsUnderSystemd && isUnitNew)
        {
            Run("systemctl", "daemon-reload");
        }

        if (RunsUnderSystemd && start)
        {
            Run("systemctl", "restart", InstallLayout.Unit);
        }

        return new InstallReport(_done.ToImmutable(), _problems.ToImmutable());
    }

    /// <summary>Uninstalls: what judges first, so that nothing does that nobody can ask about.</summary>
    /// <param name="keepPolicy">Leave what is the user's.</param>
    /// <param name="purge">Removes every kernel object; or only looks.</param>
    /// <exception cref="InstallException">A package has installed it.</exception>
    /// <exception cref="IOException">A file cannot be removed.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be removed.</exception>
    public InstallReport Uninstall(bool keepPolicy, Func<bool, PurgedInstanceDocument> purge)
    {
        RefuseBesidePackage();
        if (RunsUnderSystemd && File.Exists(layout.On(layout.UnitFile)))
        {
            // Else it would put everything back.
            Run("systemctl", "stop", InstallLayout.Unit);
        }

        if (layout.IsThisHost && _problems.Count == 0)
        {
            Purge(purge);
        }

        if (_problems.Count > 0)
        {
            // The files are what it takes to try again.
            return new InstallReport(_done.ToImmutable(), _problems.ToImmutable());
        }

        foreach (InstallStep step in InstallPlan.Of(layout, parts with { IsSingleFile = true }, program).Reverse())
        {
            if (keepPolicy && step.IsOfUser)
            {
                _done.Add((StepResult.Kept, step.Path));
            }
            else if (step.Remove(layout.On(step.Path), dryRun))
            {
                _done.Add((StepResult.Removed, step.Path));
            }
        }

        if (RunsUnderSystemd && _done.Contains((StepResult.Removed, layout.UnitFile)))
        {
            Run("systemctl", "daemon-reload");
        }

        TakeGroupAway();
        return new InstallReport(_done.ToImmutable(), _problems.ToImmutable());
    }

    private void RefuseBesidePackage()
    {
        if (!layout.IsPackage && File.Exists(layout.On(PackageRecord)))
        {
            throw new InstallException("the package datapath is installed here: use apt-get, or remove it first");
        }
    }

    private void Purge(Func<bool, PurgedInstanceDocument> purge)
    {
        PurgedInstanceDocument purged = purge(dryRun);
        foreach (string one in purged.Removed)
        {
            _done.Add((StepResult.Removed, one));
        }

        if (!dryRun)
        {
            _problems.AddRange(purged.Remaining.Select(one => $"remains: {one}"));
            _problems.AddRange(purged.Problems);
        }
    }

    private bool HasGroup() =>
        File.ReadLines(layout.On(GroupFile)).Any(line => line.StartsWith($"{InstallLayout.Group}:", StringComparison.Ordinal));

    // A tree without a group file is the content of a package, whose script makes the group.
    private void MakeGroup()
    {
        if (File.Exists(layout.On(GroupFile)))
        {
            if (HasGroup())
            {
                _done.Add((StepResult.Unchanged, $"group {InstallLayout.Group}"));
            }
            else
            {
                Run("groupadd", ["--system", .. Elsewhere, InstallLayout.Group]);
            }
        }
    }

    private void TakeGroupAway()
    {
        if (File.Exists(layout.On(GroupFile)) && HasGroup())
        {
            Run("groupdel", [.. Elsewhere, InstallLayout.Group]);
        }
    }

    private string[] Elsewhere => layout.IsThisHost ? [] : ["--prefix", Path.GetFullPath(layout.Root)];

    private void Run(string name, params string[] arguments)
    {
        string? problem = dryRun ? null : parts.Run(name, arguments);
        if (problem is null)
        {
            _done.Add((StepResult.Done, string.Join(' ', [name, .. arguments])));
        }
        else
        {
            _problems.Add(problem);
        }
    }
}
