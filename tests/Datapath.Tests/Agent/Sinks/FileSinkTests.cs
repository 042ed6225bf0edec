using System.Text;
using System.Text.Json;
using Datapath.Agent.Sinks;
using Datapath.Tests.Agent.Support;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Agent.Sinks;

public sealed class FileSinkTests : IDisposable
{
    private static readonly RecordKeeping Keeping = new(1 << 20, TimeSpan.FromHours(16));

    private readonly string _root = Directory.CreateTempSubdirectory("dpt-").FullName;
    private readonly ShiftedClock _clock = new();

    // The records of these tests are of that time.
    public FileSinkTests() => _clock.Pass(FlowEvents.Start - _clock.GetUtcNow());

    private string FlowsDirectory => Path.Combine(_root, "state", "flows");

    private string Current => Path.Combine(FlowsDirectory, "flows.jsonl");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Records_are_lines_of_json_that_only_the_owner_may_read()
    {
        await using SinkBench bench = Bench();
        bench.Make(3);
        await bench.EndAsync();
        Assert.Equal([1, 2, 3], Ports(await File.ReadAllLinesAsync(Current, TestContext.Current.CancellationToken)));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Current));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(FlowsDirectory));
    }

    [Fact]
    public async Task Files_are_put_away_at_their_size_and_the_oldest_deleted_and_no_line_is_torn()
    {
        await using (SinkBench bench = Bench())
        {
            for (int round = 1; round <= 40; round++)
            {
                bench.Make(100);
                await bench.UntilDeliveredAsync(round * 100);
            }

            await bench.EndAsync();
        }

        string[] files = Directory.GetFiles(FlowsDirectory);
        Assert.InRange(files.Length, 10, 17);
        Assert.All(files, file => Assert.InRange(new FileInfo(file).Length, 1, Keeping.FileBytes));
        Assert.InRange(files.Sum(file => new FileInfo(file).Length), Keeping.Bytes / 2, Keeping.Bytes);
        string[] lines = await LinesAsync(DateTimeOffset.MinValue);
        Assert.InRange(lines.Length, 500, 3999);

        // What is left is the latest, in order and without a gap.
        int[] ports = [.. Ports(lines)];
        Assert.Equal(100, ports[^1]);
        Assert.All(ports.Zip(ports.Skip(1)), pair => Assert.Equal(pair.First % 100 + 1, pair.Second));
    }

    [Fact]
    public async Task A_file_is_put_away_at_its_age_and_deleted_when_it_is_too_old_though_nothing_happens()
    {
        FileSink sink = new(FlowsDirectory, Keeping, "host/default", _clock);
        await using SinkBench bench = new(sink);
        bench.Make(1);
        await bench.UntilDeliveredAsync(1);
        _clock.Pass(Keeping.FileAge + TimeSpan.FromMinutes(1));
        bench.Runner.Tend();
        await bench.UntilAsync(() => PutAway().Length == 1, "put away");
        _clock.Pass(Keeping.Age + TimeSpan.FromMinutes(1));
        bench.Runner.Tend();
        await bench.UntilAsync(() => PutAway().Length == 0, "deleted");
        bench.Make(1);
        await bench.UntilDeliveredAsync(2);
        Assert.Single(await File.ReadAllLinesAsync(Current, TestContext.Current.CancellationToken));

        string[] PutAway() => Directory.GetFiles(FlowsDirectory, "flows-*.jsonl");
    }

    [Fact]
    public async Task Half_a_line_that_a_power_cut_left_is_cut_away_and_writing_goes_on_behind_the_whole_ones()
    {
        await using (SinkBench bench = Bench())
        {
            bench.Make(2);
            await bench.EndAsync();
        }

        await File.AppendAllTextAsync(Current, "{\"timestamp\":\"2026-01-02T03", TestContext.Current.CancellationToken);
        await using (SinkBench bench = Bench())
        {
            bench.Make(1);
            await bench.EndAsync();
        }

        Assert.Equal([1, 2, 1], Ports(await File.ReadAllLinesAsync(Current, TestContext.Current.CancellationToken)));
    }

    [Fact]
    public async Task A_file_that_somebody_moved_away_is_made_anew()
    {
        await using SinkBench bench = Bench();
        bench.Make(1);
        await bench.UntilDeliveredAsync(1);
        File.Move(Current, Path.Combine(_root, "taken"));
        bench.Make(2);
        await bench.UntilDeliveredAsync(3);
        Assert.Equal([1, 2], Ports(await File.ReadAllLinesAsync(Current, TestContext.Current.CancellationToken)));
    }

    [Fact]
    public async Task A_directory_that_cannot_be_is_a_failure_that_ends_when_it_can()
    {
        Directory.CreateDirectory(Path.Combine(_root, "state"));
        await File.WriteAllTextAsync(FlowsDirectory, "in the way", TestContext.Current.CancellationToken);
        await using SinkBench bench = Bench();
        bench.Make(5);
        await bench.UntilAsync(() => bench.Runner.Failures > 0, "a failure");
        Assert.NotNull(bench.Runner.Problem);
        Assert.Contains("sink file does not work", bench.Log, StringComparison.Ordinal);
        File.Delete(FlowsDirectory);
        await bench.UntilDeliveredAsync(5);
        Assert.Null(bench.Runner.Problem);
        Assert.Contains("sink file works again", bench.Log, StringComparison.Ordinal);
        Assert.Equal([1, 2, 3, 4, 5], Ports(await File.ReadAllLinesAsync(Current, TestContext.Current.CancellationToken)));
    }

    [Fact]
    public async Task History_is_read_across_files_by_time_and_passes_over_what_is_no_record()
    {
        Directory.CreateDirectory(FlowsDirectory);
        await File.WriteAllTextAsync(Path.Combine(FlowsDirectory, "flows-20260102T030000.000000Z.jsonl"), Line("02:30") + Line("02:59"), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(FlowsDirectory, "flows-20260102T040000.000000Z.jsonl"), Line("03:00") + "rubbish\n" + Line("03:30"), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(FlowsDirectory, "flows-mine.jsonl"), Line("03:15"), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Current, Line("04:10") + Line("04:20") + "{\"timestamp\":\"2026-01-02T04:25:00.000000Z\"", TestContext.Current.CancellationToken);
        Assert.Equal(["02:30", "02:59", "03:00", "03:30", "04:10", "04:20"], (await LinesAsync(DateTimeOffset.MinValue)).Select(Minute));
        Assert.Equal(["02:59", "03:00", "03:30", "04:10", "04:20"], (await LinesAsync(At("02:59"))).Select(Minute));
        Assert.Equal(["03:30", "04:10"], (await LinesAsync(At("03:10"), At("04:10"))).Select(Minute));

        static string Line(string minute) => $"{{\"timestamp\":\"2026-01-02T{minute}:00.000000Z\",\"value\":1}}\n";
        static string Minute(string line) => line[25..30];
        static DateTimeOffset At(string minute) => DateTimeOffset.Parse($"2026-01-02T{minute}Z", provider: null);
    }

    private SinkBench Bench() => new(new FileSink(FlowsDirectory, Keeping, "host/default", _clock));

    private async Task<string[]> LinesAsync(DateTimeOffset since, DateTimeOffset? until = null)
    {
        List<string> lines = [];
        await new FlowHistory(FlowsDirectory).ReadAsync(
            since,
            until ?? DateTimeOffset.MaxValue,
            line =>
            {
                lines.Add(Encoding.UTF8.GetString(line));
                return ValueTask.CompletedTask;
            },
            TestContext.Current.CancellationToken
        );
        return [.. lines];
    }

    private static IEnumerable<int> Ports(IEnumerable<string> lines) => lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("sourcePort").GetInt32());
}
