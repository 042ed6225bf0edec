// The lab's own commands; the tests use its types instead. Exit 0: as expected, 1: something differs, 2: could not do it.
using System.Runtime.InteropServices;
using Datapath.Interop;
using Datapath.Interop.Processes;
using Datapath.Lab.Demo;
using Datapath.Lab.Networks;

if (args is not ["demo", .. var arguments])
{
    await Console.Error.WriteLineAsync("usage: Datapath.Lab demo OPTIONS; ./build.sh demo knows them");
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
