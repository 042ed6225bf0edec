using System.Collections.Immutable;
using Datapath.Agent.Documents;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Options;

namespace Datapath.Agent.Loops;

/// <summary>What somebody wants done with the policy.</summary>
internal enum OrderKind
{
    /// <summary>Take files as the candidate, and put them in force.</summary>
    Apply,

    /// <summary>Keep the policy that waits for confirmation.</summary>
    Confirm,

    /// <summary>Go back to the policy before.</summary>
    Rollback,

    /// <summary>Let everything pass for a time.</summary>
    Pause,

    /// <summary>End a pause.</summary>
    Resume,

    /// <summary>Take in the policy directory now, and options that may have changed.</summary>
    Reload,
}

/// <summary>How an order ended.</summary>
internal enum OrderEnd
{
    /// <summary>It was done.</summary>
    Done,

    /// <summary>The answer is no: the policy has errors, or does not fit.</summary>
    Refused,

    /// <summary>It could not be tried.</summary>
    CouldNot,
}

/// <summary>An order to the policy loop, which carries out one after the other.</summary>
/// <param name="kind">What is wanted.</param>
/// <param name="path">For <see cref="OrderKind.Apply"/>: an absolute path of a file or a directory.</param>
/// <param name="time">Of a pause, or within which a policy must be confirmed; null for one that stays.</param>
internal sealed class PolicyOrder(OrderKind kind, string path = "", TimeSpan? time = null)
{
    /// <summary>A policy cannot be on trial longer: numbers of rules that only the policy before has are kept for six days.</summary>
    public static readonly TimeSpan LongestTime = TimeSpan.FromDays(1);

    private readonly TaskCompletionSource<OrderOutcome> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public OrderKind Kind => kind;

    public string Path => path;

    public TimeSpan? Time => time;

    /// <summary>Who gave it.</summary>
    public AuditActorDocument By { get; init; } = new("signal");

    /// <summary>For <see cref="OrderKind.Reload"/>: what decides the meaning of the policy from now on.</summary>
    public PolicyOptions? Options { get; init; }

    /// <summary>Completes when it was carried out or refused.</summary>
    public Task<OrderOutcome> Outcome => _outcome.Task;

    /// <summary>Tells whoever waits. The first answer counts.</summary>
    public void Answer(OrderOutcome outcome) => _outcome.TrySetResult(outcome);
}

/// <summary>What became of an order.</summary>
/// <param name="End">How it ended.</param>
/// <param name="Message">The same for people: a sentence without a full stop.</param>
/// <param name="Diagnostics">What is wrong or doubtful in the files of an apply.</param>
internal sealed record OrderOutcome(OrderEnd End, string Message, ImmutableArray<Diagnostic> Diagnostics)
{
    public static OrderOutcome Done(string message, ImmutableArray<Diagnostic> diagnostics = default) => new(OrderEnd.Done, message, OrEmpty(diagnostics));

    public static OrderOutcome Refused(string message, ImmutableArray<Diagnostic> diagnostics = default) =>
        new(OrderEnd.Refused, message, OrEmpty(diagnostics));

    public static OrderOutcome CouldNot(string message) => new(OrderEnd.CouldNot, message, []);

    private static ImmutableArray<Diagnostic> OrEmpty(ImmutableArray<Diagnostic> diagnostics) => diagnostics.IsDefault ? [] : diagnostics;
}
