using Datapath.Agent.Documents;
using Datapath.Agent.Loops;
using Datapath.Agent.Metrics;

namespace Datapath.Agent.Hosting;

/// <summary>What the server answers from.</summary>
/// <param name="Board">What <c>/v1/status</c> answers.</param>
/// <param name="Feed">What <c>/v1/events</c> streams.</param>
/// <param name="Active">What <c>/v1/explain</c> explains by.</param>
/// <param name="Give">Takes what <c>/v1/orders</c> is told.</param>
internal sealed record ServedState(StatusBoard Board, EventFeed Feed, ActivePolicy Active, Action<PolicyOrder> Give)
{
    /// <summary>What <c>/v1/flows</c> answers from.</summary>
    public required FlowRecords Records { get; init; }

    /// <summary>What <c>/metrics</c> answers.</summary>
    public required MetricsPage Metrics { get; init; }

    /// <summary>What <c>/v1/top</c> answers.</summary>
    public required Func<TopDocument> Top { get; init; }

    /// <summary>What <c>/v1/connections</c> answers: of a unit, or of all, and at most so many.</summary>
    public required Func<int?, int, ConnectionsDocument> Connections { get; init; }

    /// <summary>What <c>/v1/counters</c> answers.</summary>
    public required Func<CountersDocument> Counters { get; init; }
}
