using Datapath.Agent;
using Datapath.Agent.Hosting;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class InstanceLockTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("dpt-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void One_of_two_has_it_until_it_is_given_back()
    {
        using (InstanceLock? first = InstanceLock.TryTake(InstanceName.Default, _directory))
        {
            Assert.NotNull(first);
            Assert.Null(InstanceLock.TryTake(InstanceName.Default, _directory));
            Assert.True(InstanceLock.IsTaken(InstanceName.Default, _directory));
            Assert.False(InstanceLock.IsTaken(InstanceName.Parse("other")!, _directory));
        }

        Assert.Empty(Directory.EnumerateFiles(_directory));
        using InstanceLock? next = InstanceLock.TryTake(InstanceName.Default, _directory);
        Assert.NotNull(next);
    }

    [Fact]
    public void The_file_of_an_agent_that_was_killed_keeps_nobody_out()
    {
        File.WriteAllText(Path.Combine(_directory, "default.lock"), "1 and more than the next owner will write, far more than that\n");
        Assert.False(InstanceLock.IsTaken(InstanceName.Default, _directory));
        using InstanceLock? next = InstanceLock.TryTake(InstanceName.Default, _directory);
        Assert.NotNull(next);
    }

    [Fact]
    public async Task Of_many_that_come_and_go_there_is_never_more_than_one()
    {
        int owners = 0;
        int taken = 0;
        bool met = false;
        await Parallel.ForAsync(
            0,
            2000,
            new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = TestContext.Current.CancellationToken },
            (_, _) =>
            {
                using InstanceLock? right = InstanceLock.TryTake(InstanceName.Default, _directory);
                if (right is not null)
                {
                    met |= Interlocked.Increment(ref owners) > 1;
                    Interlocked.Increment(ref taken);
                    Thread.Yield();
                    Interlocked.Decrement(ref owners);
                }

                return ValueTask.CompletedTask;
            }
        );
        Assert.False(met);
        Assert.True(taken > 1);
    }
}
