// The lab's own commands; the tests use its types instead. Exit 0: as expected, 1: something differs, 2: could not do it.
using System.Runtime.InteropServices;
using Datapath.Interop;
using Datapath.Interop.Processes;
using Datapath.Lab.Confinement;
using Datapath.Lab.Demo;
using Datapath.Lab.Networks;

if (args is ["confine", var refusals, .. { Length: > 0 } command])
{
    // Before anything is awaited: the filter belongs to the thread that becomes the program.
    return Confine(refusals, command);
}

if (args is not ["demo", .. var arguments])
{
    await Console.Error.WriteLineAsync(
        """
        usage: Datapath.Lab demo OPTIONS                       ./build.sh demo knows them
               Datapath.Lab confine CALL=ERRNO[,…] COMMAND…    run a command for which system calls fail, such as bpf=ENOSYS
        """
    );
    return 2;
}

using var stop = new CancellationTokenSource();
Action<PosixSignalContext> stopGently = signal =>
{
    // Not the default, death: the run removes what it made, then returns.
    signal.Cancel = true;
    stop.Cancel();
};
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, stopGently);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, stopGently);
using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, stopGently);

try
{
    var report = new DemoReport(Console.Out);
    var isAsExpected = await new DemoRun(DemoOptions.Parse(arguments), report).RunAsync(stop.Token);
    report.Say(isAsExpected ? "everything as expected" : $"NOT as expected: {report.Differences} differences");
    return isAsExpected ? 0 : 1;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    await Console.Error.WriteLineAsync("interrupted; everything that was made is removed");
    return 2;
}
catch (Exception exception) when (exception is LabException or KernelException or CommandException or IOException)
{
    await Console.Error.WriteLineAsync($"error: {exception.Message}");
    return 2;
}

static int Confine(string refusals, string[] command)
{
    try
    {
        ConfinedLaunch.Become(SystemCallRefusal.ParseAll(refusals), command);
        return 2;
    }
    catch (Exception exception) when (exception is LabException or FormatException)
    {
        Console.Error.WriteLine($"error: {exception.Message}");
        return 2;
    }
}
