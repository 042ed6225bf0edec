using System.Collections.Immutable;

namespace Datapath.Backends.Selection;

/// <summary>Chooses the backend: facts in, choice out. iptables is the default, eBPF an opt-in that falls back.</summary>
public static class BackendSelector
{
    /// <summary>The backends of this build.</summary>
    public static ImmutableArray<BackendKind> Built { get; } = [BackendKind.Ebpf, BackendKind.Iptables];

    /// <summary>Chooses.</summary>
    /// <param name="enableEbpf">Whether the opt-in was given.</param>
    /// <param name="requirements">What was found on the host.</param>
    /// <param name="built">The backends that there are: <see cref="Built"/>, but for tests.</param>
    public static BackendSelection Select(bool enableEbpf, ImmutableArray<Requirement> requirements, ImmutableArray<BackendKind> built)
    {
        BackendKind asked = enableEbpf ? BackendKind.Ebpf : BackendKind.Iptables;
        ImmutableArray<Requirement> missing = Needed(asked, Finding.Missing, requirements);
        ImmutableArray<Requirement> notKnown = Needed(asked, Finding.CouldNotTell, requirements);
        string wish = enableEbpf ? "eBPF was asked for" : "eBPF was not asked for";
        if (Obstacle(asked, missing, built) is not { } obstacle)
        {
            return new BackendSelection(asked, asked, $"{wish}, and {Ability(asked, notKnown)}", [], notKnown);
        }

        if (!enableEbpf)
        {
            return new BackendSelection(asked, BackendKind.None, $"{wish}, but {obstacle}", missing, notKnown);
        }

        // Refused is worse than slow: who asked for eBPF wants to be protected first.
        ImmutableArray<Requirement> alsoMissing = Needed(BackendKind.Iptables, Finding.Missing, requirements);
        return Obstacle(BackendKind.Iptables, alsoMissing, built) is { } second
            ? new BackendSelection(asked, BackendKind.None, $"{wish}, but {obstacle}, and {second}", [.. missing.Union(alsoMissing)], notKnown)
            : new BackendSelection(asked, BackendKind.Iptables, $"{wish}, but {obstacle}: iptables takes its place", missing, notKnown);
    }

    /// <summary>The word for a backend, as <c>status</c> has it: <c>ebpf</c>, <c>iptables</c> or <c>none</c>.</summary>
    /// <param name="backend">The backend.</param>
    public static string Word(BackendKind backend) =>
        backend switch
        {
            BackendKind.Ebpf => "ebpf",
            BackendKind.Iptables => "iptables",
            _ => "none",
        };

    // Could not tell is not no: the backend itself says what stops it, and by then for sure.
    private static ImmutableArray<Requirement> Needed(BackendKind backend, Finding finding, ImmutableArray<Requirement> requirements) =>
        [.. requirements.Where(one => one.IsNeededBy(backend) && one.Finding == finding)];

    private static string? Obstacle(BackendKind backend, ImmutableArray<Requirement> missing, ImmutableArray<BackendKind> built)
    {
        if (!built.Contains(backend))
        {
            return $"{Word(backend)} is not part of this build";
        }

        return missing.Length switch
        {
            0 => null,
            1 => $"{Word(backend)} lacks {missing[0].Name}",
            _ => $"{Word(backend)} lacks {missing[0].Name} and {missing.Length - 1} more",
        };
    }

    private static string Ability(BackendKind backend, ImmutableArray<Requirement> notKnown) =>
        notKnown.IsEmpty
            ? $"everything that {Word(backend)} needs is there"
            : $"nothing that {Word(backend)} needs is known to be missing, but {notKnown.Length} could not be told";
}
