using System.Globalization;
using System.Text.RegularExpressions;
using Datapath.Agent.Commands;
using Datapath.Agent.Service;
using Datapath.Interop.Processes;
using Datapath.Tests.Agent.Support;
using Xunit;
using CommandResult = Datapath.Tests.Agent.Support.CommandResult;
using Ended = Datapath.Interop.Processes.CommandResult;

namespace Datapath.Tests.Agent;

public sealed class InstallTests : IDisposable
{
    // What systemd-analyze makes of the unit; a change that makes it worse has to be argued for in docs/decisions/0033.
    private const double RecordedExposure = 3.8;

    private readonly AgentFixture _fixture = new();
    private readonly List<string> _commands = [];

    public InstallTests()
    {
        Directory.CreateDirectory(Path.Combine(Host, "etc"));
        File.WriteAllText(Path.Combine(Host, "etc/group"), "root:x:0:\n");
        File.WriteAllText(Built, "the executable");
        _fixture.Install = new InstallParts(Built, IsSingleFile: true, HasSystemd: true, Run);
    }

    private string Host => Path.Combine(_fixture.Root, "host");

    private string Built => Path.Combine(_fixture.Root, "datapath");

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public async Task Everything_of_a_service_is_there_and_a_second_run_changes_nothing()
    {
        CommandResult first = await InstallAsync();
        Assert.Equal((ExitCode.Done, ""), (first.Exit, first.Error));
        Assert.Equal([$"groupadd --system --prefix {Host} datapath"], _commands);
        Assert.Equal("the executable", Read("usr/local/bin/datapath"));
        Assert.Equal((UnixFileMode)0b111_101_101, File.GetUnixFileMode(At("usr/local/bin/datapath")));
        Assert.Equal((UnixFileMode)0b111_000_000, File.GetUnixFileMode(At("var/lib/datapath")));
        Assert.True(Directory.Exists(At("etc/datapath/policy")));
        Assert.Equal("/etc/systemd/system/datapath.service", new FileInfo(At("etc/systemd/system/sysinit.target.wants/datapath.service")).LinkTarget);
        Assert.Contains("\nExecStart=/usr/local/bin/datapath run\n", Read("etc/systemd/system/datapath.service"), StringComparison.Ordinal);

        File.AppendAllText(At("etc/group"), "datapath:x:999:\n");
        File.WriteAllText(At("etc/datapath/datapath.conf"), "DATAPATH_POLICY=/mine\n");
        CommandResult second = await InstallAsync();
        Assert.All(Lines(second.Output), line => Assert.Matches("^(unchanged|kept) ", line));
        Assert.Single(_commands);
        Assert.Equal("DATAPATH_POLICY=/mine\n", Read("etc/datapath/datapath.conf"));
    }

    [Fact]
    public async Task A_newer_executable_replaces_the_old_one_in_one_step()
    {
        await InstallAsync();
        using FileStream running = File.OpenRead(At("usr/local/bin/datapath"));
        File.WriteAllText(Built, "another executable");
        Assert.Contains("changed   /usr/local/bin/datapath\n", (await InstallAsync()).Output, StringComparison.Ordinal);
        Assert.Equal("another executable", Read("usr/local/bin/datapath"));
        // Who runs the old one goes on with it.
        Assert.Equal("the executable", new StreamReader(running).ReadToEnd());
    }

    [Fact]
    public async Task A_dry_run_names_the_same_steps_and_does_none()
    {
        CommandResult dry = await InstallAsync("--dry-run");
        Assert.Equal(["etc", "etc/group"], Directory.EnumerateFileSystemEntries(Host, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(Host, path)));
        Assert.Empty(_commands);
        Assert.Equal(Lines(dry.Output)[1..], Lines((await InstallAsync()).Output));

        string before = Tree();
        CommandResult dryRemoval = await UninstallAsync("--dry-run");
        Assert.Equal(before, Tree());
        Assert.Equal(Lines(dryRemoval.Output)[1..], Lines((await UninstallAsync()).Output));
    }

    [Fact]
    public async Task Uninstalling_leaves_no_file_and_no_group()
    {
        await InstallAsync();
        File.AppendAllText(At("etc/group"), "datapath:x:999:\n");
        File.WriteAllText(At("etc/datapath/policy/a.yaml"), "APIVersion: 1\n");
        _commands.Clear();
        Assert.Equal(ExitCode.Done, (await UninstallAsync()).Exit);
        Assert.Equal([At("etc/group")], Directory.EnumerateFiles(Host, "*", SearchOption.AllDirectories));
        Assert.DoesNotContain("datapath", Tree(), StringComparison.Ordinal);
        Assert.Equal([$"groupdel --prefix {Host} datapath"], _commands);
        Assert.Equal("nothing to do\n", (await UninstallAsync()).Output.Replace("done      groupdel --prefix " + Host + " datapath\n", "nothing to do\n", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_the_users_stays_with_keep_policy()
    {
        await InstallAsync();
        File.WriteAllText(At("etc/datapath/policy/a.yaml"), "APIVersion: 1\n");
        Assert.Equal(ExitCode.Done, (await UninstallAsync("--keep-policy")).Exit);
        Assert.Equal("APIVersion: 1\n", Read("etc/datapath/policy/a.yaml"));
        Assert.True(Directory.Exists(At("var/lib/datapath")));
        Assert.False(File.Exists(At("etc/systemd/system/datapath.service")));
        Assert.False(File.Exists(At("usr/local/bin/datapath")));
    }

    [Fact]
    public async Task What_a_package_installed_is_left_to_the_package()
    {
        Directory.CreateDirectory(At("var/lib/dpkg/info"));
        File.WriteAllText(At("var/lib/dpkg/info/datapath.list"), "");
        string before = Tree();
        Assert.Equal(ExitCode.CouldNot, (await InstallAsync()).Exit);
        Assert.Equal(ExitCode.CouldNot, (await UninstallAsync()).Exit);
        Assert.Equal(before, Tree());
    }

    [Fact]
    public async Task The_content_of_a_package_is_below_usr_and_its_scripts_do_the_rest()
    {
        File.Delete(At("etc/group"));
        Assert.Equal(ExitCode.Done, (await InstallAsync("--prefix", "/usr")).Exit);
        Assert.Empty(_commands);
        Assert.Contains("\nExecStart=/usr/bin/datapath run\n", Read("usr/lib/systemd/system/datapath.service"), StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("etc/systemd")));
        Assert.True(File.Exists(At("usr/share/zsh/vendor-completions/_datapath")));
    }

    [Fact]
    public async Task A_program_that_fails_is_reported_with_what_it_said()
    {
        _fixture.Install = _fixture.Install with { Run = (_, _) => "`groupadd` ended with 10: cannot lock" };
        CommandResult result = await InstallAsync();
        Assert.Equal((ExitCode.No, "datapath: `groupadd` ended with 10: cannot lock\n"), (result.Exit, result.Error));
    }

    [Fact]
    public async Task The_configuration_file_of_an_installation_is_one_and_sets_nothing_but_the_policy()
    {
        await InstallAsync();
        string file = At("etc/datapath/datapath.conf");
        CommandResult config = await _fixture.CommandAsync("config", "--config", file);
        Assert.Equal("", config.Error);
        Assert.Single(Lines(config.Output), line => line.EndsWith($"file: {file}:6", StringComparison.Ordinal) && line.StartsWith("--policy ", StringComparison.Ordinal));
        Assert.Single(Lines(config.Output), line => line.Contains("file: ", StringComparison.Ordinal));

        // Each setting that is there as a comment may be switched on as it is written, unless its default is words.
        File.WriteAllText(file, Regex.Replace(Read("etc/datapath/datapath.conf"), "^#(?=DATAPATH_)", "", RegexOptions.Multiline | RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(5)));
        CommandResult all = await _fixture.CommandAsync("config", "--config", file);
        Assert.Equal((ExitCode.Done, ""), (all.Exit, all.Error));
    }

    [Fact]
    public async Task Systemd_finds_no_fault_in_the_unit_and_no_more_exposure_than_recorded()
    {
        // The program must exist, or systemd would complain of that.
        _fixture.Install = _fixture.Install with { IsSingleFile = false, Executable = Environment.ProcessPath! };
        await InstallAsync();
        string unit = At("etc/systemd/system/datapath.service");
        Ended verified = await CommandRunner.RunAsync("systemd-analyze", ["verify", "--man=no", unit], cancellation: TestContext.Current.CancellationToken);
        Assert.Equal((0, ""), (verified.ExitCode, verified.StandardError + verified.StandardOutput));

        string security = CommandRunner.Run("systemd-analyze", "security", "--offline=yes", "--no-pager", unit);
        Match level = Regex.Match(security, @"Overall exposure level for datapath\.service: (?<level>[0-9.]+)", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(5));
        Assert.True(level.Success, security);
        Assert.InRange(double.Parse(level.Groups["level"].Value, CultureInfo.InvariantCulture), 0, RecordedExposure);
    }

    [Theory]
    [InlineData("Type=notify")]
    [InlineData("WatchdogSec=60s")]
    [InlineData("Before=network-pre.target shutdown.target")]
    [InlineData("Wants=network-pre.target")]
    [InlineData("DefaultDependencies=no")]
    [InlineData("Group=datapath")]
    [InlineData("KillMode=process")]
    public async Task The_unit_says(string line)
    {
        await InstallAsync();
        Assert.Contains(line, Lines(Read("etc/systemd/system/datapath.service")));
    }

    private Task<CommandResult> InstallAsync(params string[] more) => _fixture.CommandAsync(["install", "--root", Host, .. more]);

    private Task<CommandResult> UninstallAsync(params string[] more) => _fixture.CommandAsync(["uninstall", "--root", Host, .. more]);

    private string? Run(string program, IReadOnlyList<string> arguments)
    {
        _commands.Add(string.Join(' ', [program, .. arguments]));
        return null;
    }

    private string At(string path) => Path.Combine(Host, path);

    private string Read(string path) => File.ReadAllText(At(path));

    private string Tree() => string.Join('\n', Directory.EnumerateFiles(Host, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal));

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
