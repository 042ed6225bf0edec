using System.Net.Sockets;
using Datapath.Agent.Hosting;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Xunit;

namespace Datapath.Tests.Agent;

/// <summary>Who is let in, where no agent needs to run for it.</summary>
public sealed class SocketGuardTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_has_gone_before_being_looked_at_is_let_go_and_nothing_is_done_for_him(bool isGone)
    {
        string path = Path.Combine(Path.GetTempPath(), $"dpg-{Guid.NewGuid():N}");
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        using Socket client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await client.ConnectAsync(new UnixDomainSocketEndPoint(path), TestContext.Current.CancellationToken);
        using Socket accepted = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        File.Delete(path);
        DefaultHttpContext context = new();
        context.Features.Set<IConnectionSocketFeature>(new Connection(accepted));
        Lifetime lifetime = new();
        context.Features.Set<IHttpRequestLifetimeFeature>(lifetime);
        if (isGone)
        {
            accepted.Dispose();
        }

        bool isAnswered = false;
        await SocketGuard.AdmitAsync(
            context,
            _ =>
            {
                isAnswered = true;
                return Task.CompletedTask;
            }
        );
        Assert.Equal((!isGone, isGone), (isAnswered, lifetime.IsAborted));
    }

    private sealed record Connection(Socket Socket) : IConnectionSocketFeature;

    private sealed class Lifetime : IHttpRequestLifetimeFeature
    {
        public bool IsAborted { get; private set; }

        public CancellationToken RequestAborted { get; set; }

        public void Abort() => IsAborted = true;
    }
}
