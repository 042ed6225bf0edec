using System.Collections.Concurrent;
using System.Reflection;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Xunit.v3;

[assembly: Watched]

namespace Datapath.KernelTests.Support;

/// <summary>Says what the machine does when a test has used up most of its time (<see cref="TestTime"/>): afterwards nobody could.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
internal sealed class WatchedAttribute : BeforeAfterTestAttribute
{
    private readonly ConcurrentDictionary<string, Timer> _running = [];

    public override void Before(MethodInfo methodUnderTest, IXunitTest test)
    {
        if (TestTime.Seconds > 0)
        {
            _running[test.UniqueID] = new Timer(_ => Tell(test.TestDisplayName), null, TimeSpan.FromSeconds(TestTime.Seconds * 0.9), Timeout.InfiniteTimeSpan);
        }
    }

    public override void After(MethodInfo methodUnderTest, IXunitTest test)
    {
        if (_running.TryRemove(test.UniqueID, out Timer? timer))
        {
            timer.Dispose();
        }
    }

    private static void Tell(string test)
    {
        Console.Error.WriteLine($"{test} takes long; what runs:");
        try
        {
            Console.Error.WriteLine(CommandRunner.Run("ps", "-N", "--ppid", "2", "-o", "pid,ppid,stat,etimes,wchan:24,args", "--forest"));
        }
        catch (CommandException refusal)
        {
            // Nobody else would hear of it on a thread of the pool, and the test still ends by its own limit.
            Console.Error.WriteLine(refusal.Message);
        }
    }
}
