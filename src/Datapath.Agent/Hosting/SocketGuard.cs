using System.Net.Sockets;
using Datapath.Backends.Host;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace Datapath.Agent.Hosting;

/// <summary>Who may ask the agent, and who may change something: root and the user that it runs as both, its group only the first.</summary>
/// <remarks>The mode of the socket says the same; but modes are changed by people who only want to read, and sockets are passed on.</remarks>
internal static class SocketGuard
{
    /// <summary>Before every request: strangers are answered nothing but that.</summary>
    /// <param name="context">The request.</param>
    /// <param name="next">Answers it.</param>
    public static Task AdmitAsync(HttpContext context, RequestDelegate next)
    {
        bool mayAsk;
        try
        {
            mayAsk = PeerOf(context).MayAsk;
        }
        catch (ObjectDisposedException)
        {
            // Who asked has gone, and nobody waits for an answer.
            context.Abort();
            return Task.CompletedTask;
        }

        return mayAsk ? next(context) : RefuseAsync(context, "only root and the group of the agent may ask");
    }

    /// <summary>Whether the request may change something; when not, it is answered.</summary>
    /// <param name="context">The request.</param>
    public static async Task<bool> MayGiveOrdersAsync(HttpContext context)
    {
        if (PeerOf(context) is { MayGiveOrders: true })
        {
            return true;
        }

        await RefuseAsync(context, "only root gives orders");
        return false;
    }

    /// <summary>Who is at the other end.</summary>
    /// <param name="context">The request; it came by a Unix socket, because there is no other.</param>
    public static SocketPeer PeerOf(HttpContext context) =>
        context.Features.Get<IConnectionSocketFeature>()?.Socket is Socket socket
            ? SocketPeer.Of(socket)
            : throw new InvalidOperationException("a request that came by no socket");

    private static Task RefuseAsync(HttpContext context, string reason) => AgentServer.RefuseAsync(context, StatusCodes.Status403Forbidden, reason);
}
