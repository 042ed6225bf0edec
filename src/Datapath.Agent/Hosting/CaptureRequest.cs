using System.Globalization;
using Datapath.Agent.Loops;
using Datapath.Backends;
using Datapath.Backends.Probing;
using Datapath.Policy.Compilation;
using Microsoft.AspNetCore.Http;

namespace Datapath.Agent.Hosting;

/// <summary><c>POST /v1/capture?unit=…&amp;seconds=…</c>: the packets that are dropped at a unit, as a file of libpcap; for root alone.</summary>
/// <param name="state">What the agent knows.</param>
/// <param name="clock">The time of packets.</param>
internal sealed class CaptureRequest(ServedState state, TimeProvider clock)
{
    /// <summary>How long it may last.</summary>
    public const int LongestSeconds = 300;

    /// <summary>How many dropped flows no packet was seen of, in the answer's head.</summary>
    public const string UnseenHeader = "X-Datapath-Unseen";

    /// <summary>Watches, then answers.</summary>
    /// <param name="context">The request.</param>
    public async Task AnswerAsync(HttpContext context)
    {
        if (!await SocketGuard.MayGiveOrdersAsync(context))
        {
            return;
        }

        if (!int.TryParse(context.Request.Query["seconds"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) || seconds is < 1 or > LongestSeconds)
        {
            await AgentServer.RefuseAsync(context, StatusCodes.Status400BadRequest, $"seconds are needed, 1 to {LongestSeconds}");
            return;
        }

        string wanted = context.Request.Query["unit"].ToString();
        if (AgentServer.UnitNamed(state.Board.Current, wanted) is not { } unit)
        {
            await AgentServer.RefuseAsync(context, StatusCodes.Status404NotFound, $"there is no processing unit '{wanted}' on this host");
            return;
        }

        try
        {
            DropCapture capture = new(clock);
            using MemoryStream file = new();
            await WatchAsync(capture, unit.Number, TimeSpan.FromSeconds(seconds), file, context.RequestAborted);
            context.Response.ContentType = "application/vnd.tcpdump.pcap";
            context.Response.Headers[UnseenHeader] = capture.Unseen.ToString(CultureInfo.InvariantCulture);
            await context.Response.Body.WriteAsync(file.ToArray(), context.RequestAborted);
        }
        catch (BackendException refusal)
        {
            await AgentServer.RefuseAsync(context, StatusCodes.Status503ServiceUnavailable, refusal.Message);
        }
    }

    private async Task WatchAsync(DropCapture capture, int unit, TimeSpan time, Stream file, CancellationToken cancellation)
    {
        using EventSubscription events = state.Feed.Subscribe();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task feeding = FeedAsync(capture, events, unit, end.Token);
        await Task.Factory.StartNew(() => capture.Run(time, file, cancellation), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await end.CancelAsync();
        await feeding;
    }

    private static async Task FeedAsync(DropCapture capture, EventSubscription events, int unit, CancellationToken end)
    {
        try
        {
            await foreach (NamedFlowEvent named in events.Events.ReadAllAsync(end))
            {
                if (named.Event.Verdict == Verdict.Reject && named.Event.Unit == unit)
                {
                    capture.Dropped(named.Event);
                }
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The watch is over.
        }
    }
}
