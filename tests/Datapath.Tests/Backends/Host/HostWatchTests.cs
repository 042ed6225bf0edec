using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Datapath.Backends.Host;
using Datapath.Interop;
using Datapath.Interop.Libc;
using Datapath.Interop.Netlink;
using Xunit;

namespace Datapath.Tests.Backends.Host;

/// <summary>A subscription that breaks is begun again, and what it missed is looked at.</summary>
public sealed class HostWatchTests
{
    private const int Interrupted = 103; // ECONNABORTED
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly BlockingCollection<string> _seen = [];
    private int _subscriptions;

    [Fact]
    public void A_broken_subscription_is_begun_again_loudly_and_everything_is_looked_at()
    {
        using HostWatch watch = Watch(
            () => Breaks(new SocketException(Interrupted)),
            () => throw new KernelException("open", "routing socket", Errno.Busy),
            () => throw new KernelException("open", "routing socket", Errno.Busy),
            Lasts
        );
        Assert.Equal("change", Next());
        Assert.Equal($"trouble: {new SocketException(Interrupted).Message}", Next());
        // Said once, however often it is tried.
        Assert.StartsWith("trouble: cannot open routing socket", Next(), StringComparison.Ordinal);
        Assert.Equal("change", Next());
        Assert.Equal("change", Next());
        Assert.Equal(4, _subscriptions);
    }

    [Fact]
    public void A_subscription_that_ends_without_a_word_is_begun_again()
    {
        using HostWatch watch = Watch(() => Breaks(null), Lasts);
        Assert.Equal("change", Next());
        Assert.Equal("trouble: the kernel ended the subscription", Next());
        Assert.Equal("change", Next());
    }

    [Fact]
    public void Refused_the_first_time_it_says_so_at_once() =>
        Assert.Throws<KernelException>(() => Watch(() => throw new KernelException("open", "routing socket", Errno.Busy)));

    private string Next() => _seen.TryTake(out string? one, Patience) ? one : throw new TimeoutException("nothing happened");

    private HostWatch Watch(params Func<HostChanges>[] subscriptions) =>
        new(
            () => subscriptions[_subscriptions++](),
            () => _seen.Add("change"),
            reason => _seen.Add($"trouble: {reason}"),
            TimeProvider.System
        );

    private static HostChanges Breaks(SocketException? how) => new(_ => OneChange(how), new MemoryStream());

    private static HostChanges Lasts() => new(OneChangeAndSilence, new MemoryStream());

    private static async IAsyncEnumerable<NetworkChange> OneChange(SocketException? thenThrown)
    {
        await Task.Yield();
        yield return new NetworkChange(NetworkChangeKind.Lost);
        if (thenThrown is not null)
        {
            throw thenThrown;
        }
    }

    private static async IAsyncEnumerable<NetworkChange> OneChangeAndSilence([EnumeratorCancellation] CancellationToken cancellation)
    {
        yield return new NetworkChange(NetworkChangeKind.Lost);
        await Task.Delay(Timeout.Infinite, cancellation);
    }
}
