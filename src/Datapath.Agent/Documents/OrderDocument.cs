using System.Collections.Immutable;
using Datapath.Agent.Loops;

namespace Datapath.Agent.Documents;

/// <summary>The answer to <c>POST /v1/orders/…</c>: what became of an order.</summary>
/// <param name="End">One of <see cref="OrderWord"/>.</param>
/// <param name="Message">The same for people.</param>
/// <param name="Diagnostics">What is wrong or doubtful in the files of an apply.</param>
internal sealed record OrderDocument(string End, string Message, ImmutableArray<DiagnosticDocument> Diagnostics)
{
    /// <summary>The outcome as JSON has it.</summary>
    /// <param name="outcome">What became of an order.</param>
    public static OrderDocument Of(OrderOutcome outcome) =>
        new(
            outcome.End switch
            {
                OrderEnd.Done => OrderWord.Done,
                OrderEnd.Refused => OrderWord.Refused,
                _ => OrderWord.CouldNot,
            },
            outcome.Message,
            [.. outcome.Diagnostics.Select(DiagnosticDocument.Of)]
        );
}

/// <summary>How an order ended, in one word.</summary>
internal static class OrderWord
{
    /// <summary>It was done.</summary>
    public const string Done = "done";

    /// <summary>The answer is no.</summary>
    public const string Refused = "refused";

    /// <summary>It could not be tried.</summary>
    public const string CouldNot = "could-not";
}
