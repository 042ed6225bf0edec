using System.Globalization;
using System.Net.Sockets;
using Datapath.Agent.Documents;
using Datapath.Agent.Loops;
using Datapath.Backends.Host;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace Datapath.Agent.Hosting;

/// <summary><c>POST /v1/orders/KIND?path=…&amp;seconds=…</c>: what changes something, for root alone.</summary>
internal static class OrderRequest
{
    /// <summary>Hands the order to the policy loop, and answers what became of it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="give">Takes the order.</param>
    public static async Task AnswerAsync(HttpContext context, Action<PolicyOrder> give)
    {
        // The mode of the socket keeps others out already; but modes are changed by people who only want to read.
        Socket? peer = context.Features.Get<IConnectionSocketFeature>()?.Socket;
        if (peer is null || !HostFiles.MayGiveOrders(peer))
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            await context.Response.WriteAsync("only root gives orders\n", context.RequestAborted);
            return;
        }

        if (Read(context.Request) is not { } order)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            await context.Response.WriteAsync("an order is apply with an absolute path, confirm, rollback, pause or resume\n", context.RequestAborted);
            return;
        }

        give(order);
        OrderOutcome outcome = await order.Outcome.WaitAsync(context.RequestAborted);
        await context.Response.WriteAsJsonAsync(OrderDocument.Of(outcome), AgentJson.Compact.OrderDocument, "application/json", context.RequestAborted);
    }

    private static PolicyOrder? Read(HttpRequest request)
    {
        string path = request.Query["path"].ToString();
        bool isTimed = request.Query.ContainsKey("seconds");
        bool isTime = long.TryParse(request.Query["seconds"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out long seconds);
        if (isTimed && (!isTime || seconds < 1 || seconds > PolicyOrder.LongestTime.TotalSeconds))
        {
            return null;
        }

        TimeSpan? time = isTimed ? TimeSpan.FromSeconds(seconds) : null;
        return request.RouteValues["kind"] switch
        {
            "apply" when Path.IsPathRooted(path) => new PolicyOrder(OrderKind.Apply, path, time),
            "confirm" => new PolicyOrder(OrderKind.Confirm),
            "rollback" => new PolicyOrder(OrderKind.Rollback),
            "pause" when time is not null => new PolicyOrder(OrderKind.Pause, time: time),
            "resume" => new PolicyOrder(OrderKind.Resume),
            _ => null,
        };
    }
}
