using System.Text.Json;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Selection;

/// <summary>A network namespace in which the real executable runs under whatever a test puts around it; whatever it left is purged.</summary>
internal sealed class ConfinedHost : IDisposable
{
    private readonly VethLab _lab = new();
    private readonly string _work = Directory.CreateTempSubdirectory("dpc-").FullName;

    /// <summary>Runs a command for which system calls fail.</summary>
    public static string[] Refusing(string calls) => [Path.Combine(AppContext.BaseDirectory, "Datapath.Lab"), "confine", calls];

    /// <summary>Takes capabilities away, such as <c>-bpf,-sys_admin</c>.</summary>
    public static string[] Lacking(string capabilities) => ["setpriv", "--bounding-set", capabilities];

    /// <summary>Runs lines of shell in a mount namespace of its own, and what follows after them.</summary>
    public static string[] Mounting(string lines) =>
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", $"set -e\n{lines}\nexec \"$0\" \"$@\""];

    /// <summary>Name of the instance that <see cref="RunAsync"/> starts.</summary>
    public string Instance => _lab.Name;

    /// <summary>Runs <c>datapath doctor</c>.</summary>
    /// <param name="around">What is run around it.</param>
    /// <param name="more">Options.</param>
    public Task<CommandResult> DoctorAsync(IEnumerable<string> around, params string[] more) => DatapathAsync(around, ["doctor", .. more]);

    /// <summary>Runs <c>datapath doctor --enable-ebpf --json</c>.</summary>
    /// <returns>Its exit code, and the findings by id.</returns>
    public async Task<DoctorAnswer> AskAsync(IEnumerable<string> around)
    {
        CommandResult result = await DoctorAsync(around, "--enable-ebpf", "--json");
        Assert.Equal("", result.StandardError);
        using JsonDocument json = JsonDocument.Parse(result.StandardOutput);
        return new DoctorAnswer(result.ExitCode, json.RootElement.Clone());
    }

    /// <summary>Runs <c>datapath run</c> on an empty policy; it is expected to end by itself.</summary>
    /// <param name="around">What is run around it.</param>
    /// <param name="enableEbpf">Whether eBPF is asked for.</param>
    public Task<CommandResult> RunAsync(IEnumerable<string> around, bool enableEbpf = true) =>
        DatapathAsync(
            around,
            [
                "run", .. enableEbpf ? (string[])["--enable-ebpf"] : [], "--policy", Path.Combine(_work, "policy"), "--instance", Instance,
                "--socket", Path.Combine(_work, "socket"), "--state-dir", Path.Combine(_work, "state"),
            ]
        );

    /// <summary>Runs a program of the system in the namespace; it must succeed.</summary>
    public string Inside(params string[] command) => CommandRunner.Run("nsenter", [$"--net=/run/netns/{_lab.Name}", .. command]);

    /// <summary>Whether anything of the instance is in the kernel or its directory.</summary>
    public async Task<string> LeftAsync() =>
        (await DatapathAsync([], ["purge", "--dry-run", "--instance", Instance])).StandardOutput
        + string.Concat(Directory.EnumerateFileSystemEntries(_work));

    public void Dispose()
    {
        try
        {
            CommandRunner.Run("nsenter", [$"--net=/run/netns/{_lab.Name}", KernelTestPaths.Agent, "purge", "--force", "--instance", Instance]);
        }
        finally
        {
            _lab.Dispose();
            Directory.Delete(_work, recursive: true);
        }
    }

    private Task<CommandResult> DatapathAsync(IEnumerable<string> around, IEnumerable<string> arguments) =>
        CommandRunner.RunAsync(
            "nsenter",
            [$"--net=/run/netns/{_lab.Name}", .. around, KernelTestPaths.Agent, .. arguments],
            timeout: TimeSpan.FromMinutes(1),
            cancellation: TestContext.Current.CancellationToken
        );
}

/// <summary>What <c>doctor --json</c> answered.</summary>
/// <param name="Exit">Its exit code.</param>
/// <param name="Json">The document.</param>
internal sealed record DoctorAnswer(int Exit, JsonElement Json)
{
    /// <summary>The backend that would enforce.</summary>
    public string? Chosen => Json.GetProperty("chosen").GetString();

    /// <summary>The finding of a row.</summary>
    public string? Finding(string id) => Row(id).GetProperty("finding").GetString();

    /// <summary>What a finding rests on.</summary>
    public string Evidence(string id) => Row(id).GetProperty("evidence").GetString()!;

    /// <summary>Rows that are needed and missing.</summary>
    public IEnumerable<string?> Missing =>
        Rows.Where(row => row.GetProperty("finding").ValueEquals("missing") && row.GetProperty("level").ValueEquals("needed"))
            .Where(row => !row.GetProperty("for").ValueEquals("iptables"))
            .Select(row => row.GetProperty("id").GetString());

    /// <summary>Who else is there, each with what was seen.</summary>
    public IEnumerable<string> Neighbours =>
        Json.GetProperty("neighbours")
            .EnumerateArray()
            .Where(one => one.GetProperty("finding").ValueEquals("found"))
            .Select(one => $"{one.GetProperty("name").GetString()}: {one.GetProperty("evidence").GetString()}");

    private IEnumerable<JsonElement> Rows => Json.GetProperty("requirements").EnumerateArray();

    private JsonElement Row(string id) => Rows.Single(row => row.GetProperty("id").ValueEquals(id));
}
