using System.Collections.Immutable;
using System.Net.Sockets;

namespace Datapath.Lab.Demo;

/// <summary>Who tries what, and what must come of it.</summary>
/// <param name="From">Name of the endpoint that tries.</param>
/// <param name="To">Name of the endpoint that it tries to reach.</param>
/// <param name="Family">IPv4 or IPv6.</param>
/// <param name="What">Protocol and port, as written in the table.</param>
/// <param name="IsAllowed">Whether an answer must come back.</param>
/// <param name="Judgements">Who decides; two units when both ends allow.</param>
internal sealed record Attempt(
    string From,
    string To,
    AddressFamily Family,
    Service What,
    bool IsAllowed,
    ImmutableArray<Judgement> Judgements
);

/// <summary>Which rule of which unit decided.</summary>
/// <param name="Unit">Name of the processing unit.</param>
/// <param name="Direction"><c>incoming</c> or <c>outgoing</c>, seen from the unit.</param>
/// <param name="Ruleset">Name of the ruleset, or <c>default</c>, <c>failsafe</c>, <c>built-in</c>.</param>
/// <param name="Rule">Position and name in the ruleset; what the others are called by.</param>
internal sealed record Judgement(string Unit, string Direction, string Ruleset, string Rule);
