using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json;
using Datapath.Agent.Documents;
using Datapath.Agent.Records;
using Datapath.Agent.Sinks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Datapath.Agent.Hosting;

/// <summary>What <c>GET /v1/flows</c> answers from.</summary>
/// <param name="Loop">Makes records.</param>
/// <param name="Files">Writes them to files; null when nothing is kept.</param>
/// <param name="Places">Where the files are, and what the agent is called.</param>
internal sealed record FlowRecords(RecordLoop Loop, SinkRunner? Files, SinkPlaces Places);

/// <summary><c>GET /v1/flows</c>: one record a line, from the files, from now on, or both without a gap.</summary>
internal static class FlowStream
{
    private static readonly TimeSpan PatienceForFiles = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    private const int FlushBytes = 32 * 1024;

    /// <summary>Writes records until there are no more, the listener goes or the agent stops.</summary>
    /// <param name="context">The request.</param>
    /// <param name="records">What is answered from.</param>
    /// <param name="stopping">The agent stops.</param>
    public static async Task WriteAsync(HttpContext context, FlowRecords records, CancellationToken stopping)
    {
        IQueryCollection query = context.Request.Query;
        FlowFilter filter = FlowFilter.Parse(Question(query), out string? problem);
        DateTimeOffset? since = TimeOf(query, "since", ref problem);
        DateTimeOffset? until = TimeOf(query, "until", ref problem);
        bool isFollowing = query.ContainsKey("follow");
        problem ??= records.Files is null && !isFollowing ? "this agent keeps no flow records: run it with file among --flow-sinks" : null;
        if (problem is not null)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            await context.Response.WriteAsync(problem + "\n", context.RequestAborted);
            return;
        }

        // A listener that pauses, as `less` does, is not an error: what does not fit into its pipe is counted.
        context.Features.Get<IHttpMinResponseDataRateFeature>()?.MinDataRate = null;
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        context.Response.ContentType = "application/x-ndjson";
        Output output = new(context.Response, filter, end.Token);
        try
        {
            await (isFollowing ? FollowAsync(output, records, since) : HistoryAsync(output, records, since ?? DateTimeOffset.MinValue, until ?? DateTimeOffset.MaxValue));
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The usual end of a stream that has none.
        }
    }

    private static async Task HistoryAsync(Output output, FlowRecords records, DateTimeOffset since, DateTimeOffset until)
    {
        long accepted = records.Files!.Pipe.Accepted;
        await output.Response.StartAsync(output.End);
        for (TimeSpan waited = TimeSpan.Zero; records.Files.Delivered < accepted && waited < PatienceForFiles; waited += Look)
        {
            await Task.Delay(Look, output.End);
        }

        await new FlowHistory(records.Places.RecordDirectory).ReadAsync(since, until, output.WriteAsync, output.End);
        await output.Response.BodyWriter.FlushAsync(output.End);
    }

    private static async Task FollowAsync(Output output, FlowRecords records, DateTimeOffset? since)
    {
        SinkPipe pipe = new(RecordFormats.JsonLines(records.Places.Enforcer));

        // Before the head of the answer: who has seen it misses nothing from there on.
        DateTimeOffset last = records.Loop.Add(pipe);
        try
        {
            await output.Response.StartAsync(output.End);
            await output.Response.BodyWriter.FlushAsync(output.End);
            if (since is { } time && records.Files is not null)
            {
                await HistoryAsync(output, records, time, last);
            }

            await FollowAsync(output, pipe.Reader);
        }
        finally
        {
            records.Loop.Remove(pipe);
            await pipe.Reader.CompleteAsync();
        }
    }

    private static async Task FollowAsync(Output output, PipeReader reader)
    {
        while (true)
        {
            ReadResult read = await reader.ReadAsync(output.End);
            ReadOnlySequence<byte> rest = read.Buffer;
            while (RecordLines.TryTake(ref rest, out ReadOnlySequence<byte> line))
            {
                await output.WriteAsync(line);
            }

            reader.AdvanceTo(rest.Start);
            await output.Response.BodyWriter.FlushAsync(output.End);
            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    private static FlowQuestion Question(IQueryCollection query) =>
        new()
        {
            Unit = query["unit"],
            Address = query["address"],
            Port = query["port"],
            Action = query["action"],
            Ruleset = query["ruleset"],
        };

    private static DateTimeOffset? TimeOf(IQueryCollection query, string name, ref string? problem)
    {
        if (query[name] is not [{ } text])
        {
            return null;
        }

        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time))
        {
            return time;
        }

        problem ??= $"{name}: '{text}' is not a time";
        return null;
    }

    /// <summary>Writes the lines that are wanted.</summary>
    private sealed class Output(HttpResponse response, FlowFilter filter, CancellationToken end)
    {
        public HttpResponse Response => response;

        public CancellationToken End => end;

        public async ValueTask WriteAsync(ReadOnlySequence<byte> line)
        {
            if (!IsWanted(line))
            {
                return;
            }

            foreach (ReadOnlyMemory<byte> part in line)
            {
                response.BodyWriter.Write(part.Span);
            }

            RecordFormats.EndLine(response.BodyWriter);
            if (response.BodyWriter.CanGetUnflushedBytes && response.BodyWriter.UnflushedBytes > FlushBytes)
            {
                await response.BodyWriter.FlushAsync(end);
            }
        }

        private bool IsWanted(ReadOnlySequence<byte> line)
        {
            if (filter == FlowFilter.None)
            {
                return true;
            }

            Utf8JsonReader json = new(line);
            return JsonSerializer.Deserialize(ref json, AgentJson.Compact.FlowRecordDocument) is { } record && filter.Matches(record);
        }
    }
}
