using System.Net;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;
using Xunit;

namespace Datapath.Tests.Support;

/// <summary>A case of <c>tests/corpus/ok</c> on its way through the stages, on a host that is the same for all of them.</summary>
/// <remarks>
/// Enforcing and without failsafe ports, unless <c>options.txt</c> beside the ruleset says otherwise, one option a line: <c>namespace PATH</c>,
/// <c>default allow</c>, <c>failsafe incoming|outgoing PORT</c>, <c>failsafe beats reject</c>.
/// </remarks>
internal sealed class CorpusPolicy
{
    private CorpusPolicy(PolicyCase @case)
    {
        Case = @case;
        Resolution = PolicyResolver.Resolve(@case.Written, @case.Inventory, @case.Options);
    }

    /// <summary>What was written, for whom.</summary>
    public PolicyCase Case { get; }

    /// <summary>What it means.</summary>
    public PolicyResolution Resolution { get; }

    /// <summary>Reads and resolves a case, from its files and nothing else.</summary>
    /// <param name="name">Name of its folder.</param>
    public static CorpusPolicy Of(string name)
    {
        PolicyReading reading = PolicyReader.ReadAll(Corpus.PolicyFiles("ok", name));
        Assert.Empty(reading.Diagnostics);
        var inventory = new HostInventory("box", [IPAddress.Parse("192.0.2.1"), IPAddress.Parse("2001:db8::1")], []);
        return new CorpusPolicy(new PolicyCase(reading.Policy, inventory, Options(Corpus.PathOf("ok", name, "options.txt"))));
    }

    /// <summary>The tables.</summary>
    public CompiledPolicy Compile()
    {
        Assert.False(Resolution.HasErrors, string.Join('\n', Resolution.Diagnostics));
        PolicyCompilation compilation = PolicyCompiler.Compile(Resolution.Policy, RuleIndexes.Empty);
        return Assert.IsType<CompiledPolicy>(compilation.Policy);
    }

    private static PolicyOptions Options(string path)
    {
        var options = new PolicyOptions { RootDefault = DefaultAction.Reject, Failsafe = [] };
        foreach (string line in File.Exists(path) ? File.ReadAllLines(path) : [])
        {
            options = line.Split(' ') switch
            {
                ["namespace", var home] => options with { Namespace = home },
                ["default", "allow"] => options with { RootDefault = DefaultAction.Allow },
                ["failsafe", "beats", "reject"] => options with { FailsafeBeatsReject = true },
                ["failsafe", var direction, var port] => options with
                {
                    Failsafe = options.Failsafe.Add(FailsafePort.Parse(Enum.Parse<Direction>(direction, ignoreCase: true), port).Port!),
                },
                _ => throw new InvalidDataException($"{path}: no such option: {line}"),
            };
        }

        return options;
    }
}
