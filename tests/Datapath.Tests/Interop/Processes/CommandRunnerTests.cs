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

    [Fact]
    public async Task A_program_that_never_reads_its_input_is_killed_when_its_time_is_over()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        // Far more than a pipe holds. The shell's child has the pipe too: to end the shell alone would leave the writer waiting.
        Task<CommandResult> run = CommandRunner.RunAsync(
            "sh", ["-c", "sleep 120; true"], new string('x', 1 << 20), TimeSpan.FromMilliseconds(200), cancellation);
        Assert.Same(run, await Task.WhenAny(run, Task.Delay(TimeSpan.FromSeconds(60), cancellation)));
        CommandException failure = await Assert.ThrowsAsync<CommandException>(() => run);
        Assert.Contains("took longer than 00:00:00.2", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_gives_up_gets_no_result_of_a_program_that_never_reads_its_input()
    {
        using var impatience = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        Task<CommandResult> run = CommandRunner.RunAsync("sleep", ["120"], new string('x', 1 << 20), cancellation: impatience.Token);
        Assert.Same(run, await Task.WhenAny(run, Task.Delay(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken)));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }
}
