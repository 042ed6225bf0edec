using Datapath.Interop.Processes;
using Xunit;

namespace Datapath.Tests.Interop.Processes;

/// <summary>Starting programs.</summary>
public sealed class CommandRunnerTests
{
    [Fact]
    public async Task Input_output_and_exit_code_go_through()
    {
        string large = new('x', 1 << 20);
        CommandResult result = await CommandRunner.RunAsync("cat", [], large, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(large, result.StandardOutput);
    }

    [Fact]
    public void Arguments_are_not_read_by_a_shell() =>
        Assert.Equal("$HOME `id` 'a b'\n", CommandRunner.Run("printf", "%s\\n", "$HOME `id` 'a b'"));

    [Fact]
    public void Failure_says_command_code_and_message()
    {
        CommandException failure = Assert.Throws<CommandException>(() => CommandRunner.Run("ls", "/no-such-directory"));
        Assert.StartsWith("ls /no-such-directory: exit code 2: ", failure.Message, StringComparison.Ordinal);
        Assert.Contains("No such file", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_that_is_not_there_says_its_name()
    {
        CommandException failure = Assert.Throws<CommandException>(() => CommandRunner.Run("no-such-program"));
        Assert.Contains("no-such-program: cannot be started", failure.Message, StringComparison.Ordinal);
        Assert.Null(failure.Result);
    }

    [Fact]
    public async Task A_program_that_takes_too_long_is_killed()
    {
        CommandException failure = await Assert.ThrowsAsync<CommandException>(() => CommandRunner.RunAsync(
            "sleep", ["60"], timeout: TimeSpan.FromMilliseconds(100), cancellation: TestContext.Current.CancellationToken));
        Assert.Contains("took longer than 00:00:00.1", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_that_does_not_read_its_input_is_no_failure()
    {
        CommandResult result = await CommandRunner.RunAsync(
            "true", [], new string('x', 1 << 20), cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(0, result.ExitCode);
    }
}
