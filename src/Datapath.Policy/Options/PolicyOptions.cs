using System.Collections.Immutable;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Options;

/// <summary>What decides the meaning of a policy besides its files: the flags of every command that judges.</summary>
public sealed record PolicyOptions
{
    /// <summary>The absolute namespace of this host and of every object that is written without one (<c>--namespace</c>).</summary>
    public string Namespace { get; init; } = "/";

    /// <summary>What the root namespace means by <see cref="DefaultAction.Inherit"/> (<c>--default-action</c>).</summary>
    /// <remarks>Allow, discovery mode: a fresh host must not cut itself off. The product's own choice (specification b.4) is Reject.</remarks>
    public DefaultAction RootDefault { get; init; } = DefaultAction.Allow;

    /// <summary>Ports that stay open on the host when no rule decides; empty for none. The first that matches is named.</summary>
    public ImmutableArray<FailsafePort> Failsafe { get; init; } = FailsafePort.Defaults;

    /// <summary>Failsafe ports also defeat an explicit Reject.</summary>
    public bool FailsafeBeatsReject { get; init; }
}
