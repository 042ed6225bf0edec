using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Datapath.Agent.Hosting;
using Datapath.Agent.Loops;
using Datapath.Agent.Records;
using Datapath.Agent.Sinks;
using Datapath.Tests.Agent.Support;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Agent.Sinks;

/// <summary>A sink that is dead costs its own counter, and nothing else: each kind of death beside a file that lives.</summary>
public sealed class DeadSinkTests : IDisposable
{
    private const int Records = 30_000;

    private readonly string _root = Directory.CreateTempSubdirectory("dpt-").FullName;
    private readonly LogText _log = new();

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task One_that_is_refused_loses_its_own_records_and_the_file_none()
    {
        using TcpListener nobody = new(IPAddress.Loopback, 0);
        nobody.Start();
        int port = ((IPEndPoint)nobody.LocalEndpoint).Port;
        nobody.Stop();
        await LosesItsOwnAsync(new SyslogEndpoint(SyslogTransport.Tcp, "127.0.0.1", port), mustFail: true);
    }

    [Fact]
    public async Task One_that_accepts_and_never_reads_loses_its_own_records_and_the_file_none()
    {
        using TcpListener silent = new(IPAddress.Loopback, 0);
        silent.Start();
        await LosesItsOwnAsync(new SyslogEndpoint(SyslogTransport.Tcp, "127.0.0.1", ((IPEndPoint)silent.LocalEndpoint).Port), mustFail: false);
    }

    [Fact]
    public async Task One_that_never_answers_the_handshake_loses_its_own_records_and_the_file_none()
    {
        using TcpListener silent = new(IPAddress.Loopback, 0);
        silent.Start();
        await LosesItsOwnAsync(new SyslogEndpoint(SyslogTransport.Tls, "127.0.0.1", ((IPEndPoint)silent.LocalEndpoint).Port), mustFail: false);
    }

    [Fact]
    public async Task One_without_a_socket_loses_its_own_records_and_the_file_none() =>
        await LosesItsOwnAsync(new SyslogEndpoint(SyslogTransport.Local, Path.Combine(_root, "nothing"), 0), mustFail: true);

    [Fact]
    public async Task Standard_output_that_nobody_reads_holds_one_thread_and_never_the_end()
    {
        int opened = 0;
        HangingStream stream = new();
        StreamSink sink = new(
            () =>
            {
                opened++;
                return stream;
            },
            "host/default"
        );
        ReadOnlySequence<byte> line = new("{}\n"u8.ToArray());
        for (int i = 0; i < 3; i++)
        {
            using CancellationTokenSource patience = new(TimeSpan.FromMilliseconds(50));
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await sink.WriteAsync(line, patience.Token));
            await sink.DisposeAsync();
        }

        Assert.Equal((1, 1), (opened, stream.Writes));
        stream.Go.SetResult();
        await sink.WriteAsync(line, TestContext.Current.CancellationToken);
        Assert.Equal(2, stream.Writes);
    }

    private async Task LosesItsOwnAsync(SyslogEndpoint endpoint, bool mustFail)
    {
        FlowSettings settings = new() { Sinks = [SinkKind.Syslog, SinkKind.File], Syslog = new SyslogSettings { Endpoint = endpoint } };
        EventFeed feed = new();
        using RecordLoop loop = new(feed, TimeSpan.FromMinutes(5), TimeProvider.System);
        SinkSet sinks = new(settings, new SinkPlaces(_root, "host/default"), new LineLogger(_log, TimeProvider.System), TimeProvider.System);
        using CancellationTokenSource stop = new();
        Task running = sinks.RunAsync(loop, stop.Token);
        for (int i = 0; i < Records; i++)
        {
            // Another flow each time; slowly enough for a disk that others use too.
            feed.Publish(FlowEvents.Of(source: $"10.{i >> 16}.{(i >> 8) & 0xff}.{i & 0xff}"));
            while (i % 1000 == 0 && (feed.Records.Events.Count > 0 || sinks.Files!.Pipe.Accepted - sinks.Files.Delivered > 1000))
            {
                await Task.Delay(1, TestContext.Current.CancellationToken);
            }
        }

        for (int i = 0; i < 1500 && sinks.Files!.Delivered < Records; i++)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.Equal((Records, 0L, 0L), (sinks.Files!.Delivered, sinks.Files.Pipe.Dropped, sinks.Files.Failures));
        var dead = sinks.Report()[0];
        Assert.Equal("syslog", dead.Name);
        Assert.True(dead.Dropped > 0, $"{dead}");
        Assert.Equal(mustFail, dead.Problem is not null);

        // And it does not keep the agent from ending.
        await stop.CancelAsync();
        await running.WaitAsync(RunningAgent.Patience, TestContext.Current.CancellationToken);
        Assert.Contains("sink syslog has not taken the last", _log.ToString(), StringComparison.Ordinal);
        Assert.Equal(Records, Directory.GetFiles(Path.Combine(_root, "flows")).Sum(file => File.ReadAllLines(file).Length));
    }

    /// <summary>Blocks its writer, as a full pipe does.</summary>
    private sealed class HangingStream : Stream
    {
        public TaskCompletionSource Go { get; } = new();

        public int Writes { get; private set; }

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Writes++;
            await Go.Task;
        }

        public override void Flush() { }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
