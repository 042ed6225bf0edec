using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Datapath.Agent.Documents;
using Datapath.Agent.Loops;
using Datapath.Backends;
using Datapath.Backends.Host;
using Datapath.Backends.Probing;
using Datapath.Flows;
using Datapath.Policy.Inventory;
using Microsoft.AspNetCore.Http;

namespace Datapath.Agent.Hosting;

/// <summary><c>POST /v1/ping?unit=…&amp;to=…&amp;port=…&amp;seconds=…</c>: a probe from a unit, for root alone, because it speaks in the unit's name.</summary>
/// <param name="state">What the agent knows.</param>
/// <param name="host">Interfaces and addresses.</param>
/// <param name="clock">Times the wait for events.</param>
internal sealed class PingRequest(ServedState state, HostSource host, TimeProvider clock)
{
    private const int LongestPatienceSeconds = 30;

    /// <summary>More than twice what the reader of events sleeps (EventPace): reading takes its time as well.</summary>
    internal static readonly TimeSpan EventsMayBeLate = TimeSpan.FromMilliseconds(500);

    /// <summary>Probes, and answers what came of it.</summary>
    /// <param name="context">The request.</param>
    public async Task AnswerAsync(HttpContext context)
    {
        if (!await SocketGuard.MayGiveOrdersAsync(context))
        {
            return;
        }

        IQueryCollection query = context.Request.Query;
        bool isTime = int.TryParse(query["seconds"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out int seconds);
        bool isPort = ushort.TryParse(query["port"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port);
        if (!isTime || seconds is < 1 or > LongestPatienceSeconds || !isPort || !IPAddress.TryParse(query["to"].ToString(), out IPAddress? to))
        {
            await AgentServer.RefuseAsync(context, StatusCodes.Status400BadRequest, "unit, to (an address), port (0 for an echo) and seconds (1 to 30) are needed");
            return;
        }

        string wanted = query["unit"].ToString();
        if (AgentServer.UnitNamed(state.Board.Current, wanted) is not { } unit)
        {
            await AgentServer.RefuseAsync(context, StatusCodes.Status404NotFound, $"there is no processing unit '{wanted}' on this host");
            return;
        }

        try
        {
            PingDocument answer = await PingAsync(unit, new IPEndPoint(to, port), TimeSpan.FromSeconds(seconds), context.RequestAborted);
            await context.Response.WriteAsJsonAsync(answer, AgentJson.Compact.PingDocument, "application/json", context.RequestAborted);
        }
        catch (BackendException refusal)
        {
            await AgentServer.RefuseAsync(context, StatusCodes.Status503ServiceUnavailable, refusal.Message);
        }
    }

    private async Task<PingDocument> PingAsync(UnitDocument unit, IPEndPoint target, TimeSpan patience, CancellationToken cancellation)
    {
        bool isEcho = target.Port == 0;
        string echo = target.Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? "icmp6/128" : "icmp/8";
        string protocol = isEcho ? echo : string.Create(CultureInfo.InvariantCulture, $"tcp/{target.Port}");
        ExplainDocument policy = state.Active.Explain(FlowEndpoint.Path(unit.Namespace, unit.Name), target.Address.ToString(), protocol);
        Attachment attach = state.Active.AttachmentOf(unit.Number) ?? throw new BackendException("the agent has not applied a policy since it started");
        using EventSubscription events = state.Feed.Subscribe();
        HostSnapshot snapshot = host.Read();
        // A thread that waits must not be one of those that answer.
        ProbeReport report = await Task.Factory.StartNew(
            () => UnitProber.Probe(attach, snapshot, target, patience, OwnExecutable.CommandLine),
            cancellation,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default
        );
        await Task.Delay(EventsMayBeLate, clock, cancellation);
        ProbeTranslation? nat = report.Translation;
        return new PingDocument(
            unit.Name,
            unit.Namespace,
            isEcho ? PingDocument.Layer3 : PingDocument.Layer4,
            report.Source.Address.ToString(),
            report.Source.Port,
            target.Address.ToString(),
            target.Port,
            policy,
            Judgements(events, report, target),
            report.LeftBy,
            nat?.Kinds,
            nat is null or { Kinds.IsEmpty: true } ? null : $"{nat.Source} -> {nat.Destination}",
            PingDocument.WordOf(report.Outcome),
            report.RoundTrip is { } time ? Math.Round(time.TotalMilliseconds, 3) : null,
            report.Error
        );
    }

    // Each judge reports a flow once; a judge behind translation sees other addresses.
    private static ImmutableArray<PingJudgementDocument> Judgements(EventSubscription events, ProbeReport report, IPEndPoint target)
    {
        List<PingJudgementDocument> found = [];
        while (events.Events.TryRead(out NamedFlowEvent? named))
        {
            FlowEvent flow = named.Event;
            bool isSent = IsBetween(flow, report.Source, target);
            bool isTranslated = report.Translation is { } nat && IsBetween(flow, nat.Source, nat.Destination);
            if (isSent || isTranslated)
            {
                found.Add(PingJudgementDocument.Of(named));
            }
        }

        return [.. found.Distinct()];
    }

    // An echo's events carry its identifier as the source port.
    private static bool IsBetween(FlowEvent flow, IPEndPoint source, IPEndPoint destination) =>
        flow.SourcePort == source.Port
        && flow.Source.Equals(source.Address)
        && flow.Destination.Equals(destination.Address)
        && (flow.Protocol != Datapath.Policy.Rulesets.IanaProtocol.Tcp || flow.DestinationKey == destination.Port);
}
