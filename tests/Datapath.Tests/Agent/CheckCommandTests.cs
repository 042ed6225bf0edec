using System.Text;
using System.Text.Json;
using Datapath.Agent.Commands;
using Datapath.Agent.Files;
using Datapath.Tests.Agent.Support;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class CheckCommandTests : IDisposable
{
    private readonly AgentFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public async Task A_sound_file_is_summed_up_on_stdout()
    {
        CommandResult result = await _fixture.CommandAsync("check", _fixture.Write("a.yaml", Policies.Allowing(80)));
        Assert.Equal(ExitCode.Done, result.Exit);
        Assert.StartsWith("1 file, 0 errors, 0 warnings: ", result.Output, StringComparison.Ordinal);
        Assert.Empty(result.Error);
    }

    [Fact]
    public async Task A_broken_file_is_explained_on_stderr_with_place_code_and_help()
    {
        string path = _fixture.Write("a.yaml", Policies.Broken);
        CommandResult result = await _fixture.CommandAsync("check", path);
        Assert.Equal(ExitCode.No, result.Exit);
        Assert.Matches($"^{path}:[0-9]+:[0-9]+: error DP1[0-9]{{3}}: .+\n    help: .+\n", result.Error);
        Assert.Equal("1 file, 1 error, 0 warnings: refused\n", result.Output);
    }

    [Fact]
    public async Task Json_carries_the_same_and_is_the_same_twice()
    {
        _fixture.Write("a.yaml", Policies.Broken);
        CommandResult result = await _fixture.CommandAsync("check", "--json", _fixture.PolicyDirectory);
        using JsonDocument json = JsonDocument.Parse(result.Output);
        Assert.Equal(1, json.RootElement.GetProperty("errors").GetInt32());
        JsonElement first = json.RootElement.GetProperty("diagnostics")[0];
        Assert.Equal("error", first.GetProperty("severity").GetString());
        Assert.True(first.GetProperty("line").GetInt32() > 0);
        Assert.Equal(result.Output, (await _fixture.CommandAsync("check", "--json", _fixture.PolicyDirectory)).Output);
    }

    [Fact]
    public async Task A_directory_counts_its_policy_files_in_order_and_no_others()
    {
        _fixture.Write("b.yml", Policies.Allowing(81));
        _fixture.Write("a.yaml", Policies.Allowing(80));
        _fixture.Write("c.json", """{"APIVersion": 1, "label": "c", "data": {}}""");
        _fixture.Write(".hidden.yaml", Policies.Broken);
        _fixture.Write("notes.txt", Policies.Broken);
        _fixture.Write("sub/d.yaml", Policies.Broken);
        CommandResult result = await _fixture.CommandAsync("check", "--json", _fixture.PolicyDirectory);
        using JsonDocument json = JsonDocument.Parse(result.Output);
        Assert.Equal(
            ["a.yaml", "b.yml", "c.json"],
            json.RootElement.GetProperty("files").EnumerateArray().Select(file => Path.GetFileName(file.GetString()!))
        );
        Assert.Equal(ExitCode.Done, result.Exit);
    }

    [Fact]
    public async Task What_is_wrong_with_a_file_itself_is_a_diagnostic_too()
    {
        string latin1 = Path.Combine(_fixture.PolicyDirectory, "l.yaml");
        await File.WriteAllBytesAsync(latin1, [.. "# é\n# "u8, 0xe9, (byte)'\n'], TestContext.Current.CancellationToken);
        string huge = Path.Combine(_fixture.PolicyDirectory, "h.yaml");
        await using (FileStream sparse = File.Create(huge))
        {
            sparse.SetLength(PolicyFileReader.MaxFileBytes + 1L);
        }

        string missing = Path.Combine(_fixture.PolicyDirectory, "m.yaml");
        CommandResult result = await _fixture.CommandAsync("check", latin1, huge, missing);
        Assert.Equal(ExitCode.No, result.Exit);
        Assert.Contains($"{latin1}:2:3: error DP3003: ", result.Error, StringComparison.Ordinal);
        Assert.Contains($"{huge}: error DP3002: ", result.Error, StringComparison.Ordinal);
        Assert.Contains($"{missing}: error DP3001: ", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_only_doubtful_warns_and_passes()
    {
        string path = _fixture.Write("a.yaml", Policies.Allowing(80).Replace("$identity=processingunit", "app=nobody", StringComparison.Ordinal));
        CommandResult result = await _fixture.CommandAsync("check", path);
        Assert.Equal(ExitCode.Done, result.Exit);
        Assert.StartsWith("1 file, 0 errors, 1 warning: ", result.Output, StringComparison.Ordinal);
        Assert.Matches($"^{path}:[0-9]+:[0-9]+: warning DP3114: .+\n    help: .+\n$", result.Error);
        using JsonDocument json = JsonDocument.Parse((await _fixture.CommandAsync("check", "--json", path)).Output);
        Assert.Equal("DP3114", json.RootElement.GetProperty("diagnostics")[0].GetProperty("code").GetString());
    }

    [Fact]
    public async Task A_byte_order_mark_is_not_content()
    {
        string path = Path.Combine(_fixture.PolicyDirectory, "bom.yaml");
        await File.WriteAllTextAsync(path, Policies.Allowing(80), new UTF8Encoding(true), TestContext.Current.CancellationToken);
        Assert.Equal(ExitCode.Done, (await _fixture.CommandAsync("check", path)).Exit);
    }
}
