using System.Text.Json;
using Datapath.Agent.Documents;
using Datapath.Agent.Loops;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Datapath.Agent.Hosting;

/// <summary><c>GET /v1/events</c>: one JSON object a line, from the moment of the connection on.</summary>
internal static class EventStream
{
    // Enough that a burst is not one write a line; little enough that a reader sees it grow.
    private const int FlushBytes = 32 * 1024;

    /// <summary>Writes events until the listener goes or the agent stops.</summary>
    /// <param name="context">The request.</param>
    /// <param name="feed">Where events come from.</param>
    /// <param name="stopping">The agent stops.</param>
    public static async Task WriteAsync(HttpContext context, EventFeed feed, CancellationToken stopping)
    {
        // A listener that pauses, as `less` does, is not an error: its queue fills, and what does not fit is counted.
        if (context.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        // Before the head of the answer: who has seen it misses nothing from there on.
        using EventSubscription subscription = feed.Subscribe();
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        context.Response.ContentType = "application/x-ndjson";
        try
        {
            await context.Response.StartAsync(end.Token);
            await context.Response.BodyWriter.FlushAsync(end.Token);
            await WriteAsync(subscription, context.Response, end.Token);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The usual end of a stream that has none.
        }
    }

    private static async Task WriteAsync(EventSubscription subscription, HttpResponse response, CancellationToken end)
    {
        using Utf8JsonWriter json = new(response.BodyWriter, new JsonWriterOptions { Encoder = AgentJson.Compact.Options.Encoder });
        while (await subscription.Events.WaitToReadAsync(end))
        {
            while (subscription.Events.TryRead(out NamedFlowEvent? flow))
            {
                JsonSerializer.Serialize(json, FlowEventDocument.From(flow), AgentJson.Compact.FlowEventDocument);
                json.Flush();
                json.Reset();
                response.BodyWriter.GetSpan(1)[0] = (byte)'\n';
                response.BodyWriter.Advance(1);
                if (response.BodyWriter.CanGetUnflushedBytes && response.BodyWriter.UnflushedBytes > FlushBytes)
                {
                    await response.BodyWriter.FlushAsync(end);
                }
            }

            await response.BodyWriter.FlushAsync(end);
        }
    }
}
