using System.Globalization;
using Datapath.Agent.Documents;
using Datapath.Agent.Loops;
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
        if (!await SocketGuard.MayGiveOrdersAsync(context))
        {
            return;
        }

        if (Read(context.Request, AuditActorDocument.Of(SocketGuard.PeerOf(context))) is not { } order)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            await context.Response.WriteAsync("an order is apply with an absolute path, confirm, rollback, pause or resume\n", context.RequestAborted);
            return;
        }

        give(order);
        OrderOutcome outcome = await order.Outcome.WaitAsync(context.RequestAborted);
        await context.Response.WriteAsJsonAsync(OrderDocument.Of(outcome), AgentJson.Compact.OrderDocument, "application/json", context.RequestAborted);
    }

    private static PolicyOrder? Read(HttpRequest request, AuditActorDocument by)
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
            "apply" when Path.IsPathRooted(path) => new PolicyOrder(OrderKind.Apply, path, time) { By = by },
            "confirm" => new PolicyOrder(OrderKind.Confirm) { By = by },
            "rollback" => new PolicyOrder(OrderKind.Rollback) { By = by },
            "pause" when time is not null => new PolicyOrder(OrderKind.Pause, time: time) { By = by },
            "resume" => new PolicyOrder(OrderKind.Resume) { By = by },
            _ => null,
        };
    }
}
