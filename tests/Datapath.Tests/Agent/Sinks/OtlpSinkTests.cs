using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using Datapath.Agent.Sinks;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Datapath.Tests.Agent.Sinks;

/// <summary>A collector of our own reads the protobuf that arrives, field by field (opentelemetry-proto, logs/v1).</summary>
public sealed class OtlpSinkTests
{
    private readonly ConcurrentQueue<(string Path, byte[] Body)> _requests = new();
    private int _status = StatusCodes.Status200OK;

    [Fact]
    public async Task Over_http_records_arrive_as_log_records_with_every_field_as_an_attribute()
    {
        await using WebApplication collector = await StartAsync(HttpProtocols.Http1);
        await using SinkBench bench = new(new OtlpSink(new OtlpSettings(AddressOf(collector), IsGrpc: false), "host/default"));
        bench.Make(2);
        bench.Make(1, FlowEvents.Of() with { Verdict = Verdict.Reject, Reason = DropReason.Policy });
        await bench.UntilDeliveredAsync(3);
        Assert.All(_requests, request => Assert.Equal("/v1/logs", request.Path));
        AssertRecords([.. _requests.Select(request => request.Body)]);
    }

    [Fact]
    public async Task Over_grpc_the_same_records_arrive()
    {
        await using WebApplication collector = await StartAsync(HttpProtocols.Http2);
        await using SinkBench bench = new(new OtlpSink(new OtlpSettings(AddressOf(collector), IsGrpc: true), "host/default"));
        bench.Make(2);
        bench.Make(1, FlowEvents.Of() with { Verdict = Verdict.Reject, Reason = DropReason.Policy });
        await bench.UntilDeliveredAsync(3);
        Assert.All(_requests, request => Assert.Equal("/opentelemetry.proto.collector.logs.v1.LogsService/Export", request.Path));

        // Five bytes before each message: not compressed, and its length.
        Assert.All(_requests, request => Assert.Equal((0, request.Body.Length - 5), (request.Body[0], BinaryPrimitives.ReadInt32BigEndian(request.Body.AsSpan(1)))));
        AssertRecords([.. _requests.Select(request => request.Body[5..])]);
    }

    [Theory]
    [InlineData(StatusCodes.Status503ServiceUnavailable)]
    [InlineData(StatusCodes.Status400BadRequest)]
    public async Task What_the_collector_refuses_is_a_failure_and_comes_again(int status)
    {
        _status = status;
        await using WebApplication collector = await StartAsync(HttpProtocols.Http1);
        await using SinkBench bench = new(new OtlpSink(new OtlpSettings(AddressOf(collector), IsGrpc: false), "host/default"));
        bench.Make(5);
        await bench.UntilAsync(() => bench.Runner.Failures > 0, "a failure");
        Assert.Equal(0, bench.Runner.Delivered);
        Assert.Contains($"{status}", bench.Runner.Problem, StringComparison.Ordinal);
        _requests.Clear();
        _status = StatusCodes.Status200OK;
        await bench.UntilDeliveredAsync(5);
        Assert.Equal([1L, 2, 3, 4, 5], Records([.. _requests.Select(request => request.Body)]).Select(record => (long)record.Attributes["sourcePort"]));
    }

    [Fact]
    public async Task A_collector_that_is_not_there_is_a_failure()
    {
        Uri address;
        await using (WebApplication collector = await StartAsync(HttpProtocols.Http1))
        {
            address = AddressOf(collector);
        }

        await using SinkBench bench = new(new OtlpSink(new OtlpSettings(address, IsGrpc: false), "host/default"));
        bench.Make(1);
        await bench.UntilAsync(() => bench.Runner.Failures > 0, "a failure");
        Assert.Equal(0, bench.Runner.Delivered);
    }

    private static void AssertRecords(IReadOnlyList<byte[]> bodies)
    {
        List<OtlpRecord> records = Records(bodies);
        Assert.Equal([1L, 2, 1], records.Select(record => (long)record.Attributes["sourcePort"]));
        Assert.All(records, record => Assert.Equal(FlowEvents.Start, DateTimeOffset.UnixEpoch.AddTicks((long)(record.TimeNanoseconds / 100))));
        Assert.All(records, record => Assert.Equal("192.0.2.1", record.Attributes["destinationIP"]));
        Assert.Equal(["Accept", "Accept", "Reject"], records.Select(record => record.Attributes["action"]));
        Assert.Equal([9L, 9, 13], records.Select(record => record.Severity));
        Assert.Contains("198.51.100.9 to 192.0.2.1", records[0].Body, StringComparison.Ordinal);
        Assert.Equal(("datapath", "host/default"), (records[0].Resource["service.name"], records[0].Resource["service.instance.id"]));
    }

    private static List<OtlpRecord> Records(IReadOnlyList<byte[]> bodies) => [.. bodies.SelectMany(body => OtlpRecord.ReadRequest(body))];

    private static Uri AddressOf(WebApplication collector) =>
        new(collector.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());

    private async Task<WebApplication> StartAsync(HttpProtocols protocols)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(server => server.Listen(IPAddress.Loopback, 0, endpoint => endpoint.Protocols = protocols));
        WebApplication collector = builder.Build();
        collector.Run(async context =>
        {
            using MemoryStream body = new();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            _requests.Enqueue((context.Request.Path, body.ToArray()));
            context.Response.StatusCode = _status;
            if (protocols == HttpProtocols.Http2)
            {
                // An empty answer: its five bytes, then the status.
                context.Response.ContentType = "application/grpc";
                context.Response.DeclareTrailer("grpc-status");
                await context.Response.Body.WriteAsync(new byte[5], context.RequestAborted);
                context.Response.AppendTrailer("grpc-status", "0");
            }
        });
        await collector.StartAsync(TestContext.Current.CancellationToken);
        return collector;
    }
}
