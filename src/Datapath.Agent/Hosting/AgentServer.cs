using System.Globalization;
using Datapath.Agent.Documents;
using Datapath.Agent.Files;
using Datapath.Agent.Loops;
using Datapath.Agent.Metrics;
using Datapath.Backends;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Datapath.Agent.Hosting;

/// <summary>The agent's HTTP server: a Unix socket and nothing else, answering from memory.</summary>
internal static class AgentServer
{
    /// <summary>What is asked of us fits into a few lines; nobody on the socket may make us keep more.</summary>
    private const int MaxRequestBytes = 16 * 1024;

    /// <summary>More than every tool of a host; each costs a few kilobytes.</summary>
    private const int MaxConnections = 64;

    // Two seconds from signal to exit, the rest being the runtime's own.
    private static readonly TimeSpan ShutdownTime = TimeSpan.FromMilliseconds(1500);

    /// <summary>Builds the server; it listens once it is started.</summary>
    /// <param name="socket">Bound, and closed by the server.</param>
    /// <param name="state">What it answers from.</param>
    /// <param name="logger">Takes the server's own warnings.</param>
    /// <param name="loops">What runs beside it, and ends with it.</param>
    /// <param name="parts">The host and the clock.</param>
    public static WebApplication Build(ControlSocket socket, ServedState state, LineLogger logger, IEnumerable<AgentLoop> loops, AgentParts parts)
    {
        // Empty: no configuration files, no environment, hence no way to make it listen on TCP.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "datapath" });
        builder.Logging.AddProvider(logger).SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(server => Limit(server, socket.Path));
        builder.Services.Configure<SocketTransportOptions>(transport => transport.CreateBoundListenSocket = _ => socket.Socket);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownTime);
        builder.Services.Configure<ConsoleLifetimeOptions>(console => console.SuppressStatusMessages = true);
        builder.Services.AddRoutingCore();
        foreach (AgentLoop loop in loops)
        {
            builder.Services.AddSingleton<IHostedService>(loop);
        }

        WebApplication server = builder.Build();
        server.Use(SocketGuard.AdmitAsync);
        CancellationToken stopping = server.Lifetime.ApplicationStopping;
        server.MapGet("/v1/status", context => WriteAsync(context, state.Board.Current, AgentJson.Compact.StatusDocument));
        server.MapGet(
            "/v1/version",
            context => WriteAsync(context, VersionDocument.Of(AgentVersion.Current), AgentJson.Compact.VersionDocument)
        );
        server.MapGet("/v1/explain", context => ExplainAsync(context, state.Active));
        server.MapGet("/v1/policy/{which}", context => PolicyAsync(context, state.Active));
        server.MapGet("/v1/counters", context => AskBackendAsync(context, state.Counters, AgentJson.Compact.CountersDocument));
        server.MapPost("/v1/ping", new PingRequest(state, parts.Host, parts.Clock).AnswerAsync);
        server.MapPost("/v1/capture", new CaptureRequest(state, parts.Clock).AnswerAsync);
        server.MapPost("/v1/orders/{kind}", context => OrderRequest.AnswerAsync(context, state.Give));
        server.MapGet("/v1/events", context => EventStream.WriteAsync(context, state.Feed, stopping));
        server.MapGet("/v1/flows", context => FlowStream.WriteAsync(context, state.Records, stopping));
        server.MapGet(MetricsPage.Path, state.Metrics.AnswerAsync);
        server.MapGet("/v1/top", context => AskBackendAsync(context, state.Top, AgentJson.Compact.TopDocument));
        server.MapGet("/v1/connections", context => ConnectionsAsync(context, state));
        return server;
    }

    private static void Limit(KestrelServerOptions server, string socketPath)
    {
        server.AddServerHeader = false;
        server.Limits.MaxConcurrentConnections = MaxConnections;
        server.Limits.MaxRequestBodySize = MaxRequestBytes;
        server.Limits.MaxRequestHeadersTotalSize = MaxRequestBytes;
        server.Limits.MaxRequestLineSize = MaxRequestBytes / 2;
        server.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
        server.ListenUnixSocket(socketPath, endpoint => endpoint.Protocols = HttpProtocols.Http1);
    }

    private static Task ExplainAsync(HttpContext context, ActivePolicy active)
    {
        IQueryCollection query = context.Request.Query;
        if (query["from"] is not [{ } from] || query["to"] is not [{ } to] || query["port"] is not [{ } port])
        {
            return RefuseAsync(context, StatusCodes.Status400BadRequest, "from, to and port are needed, each once");
        }

        return WriteAsync(context, active.Explain(from, to, port), AgentJson.Compact.ExplainDocument);
    }

    private static Task PolicyAsync(HttpContext context, ActivePolicy active)
    {
        string? which = context.Request.RouteValues["which"] as string;
        PolicySet? policy = which switch
        {
            PolicyFilesDocument.ActivePolicy => active.Active,
            PolicyFilesDocument.ConfirmedPolicy => active.Confirmed,
            _ => null,
        };
        return policy is null
            ? RefuseAsync(context, StatusCodes.Status404NotFound, "there is no such policy: it is active or confirmed, once one is in force")
            : WriteAsync(context, PolicyFilesDocument.Of(which!, policy), AgentJson.Compact.PolicyFilesDocument);
    }

    /// <summary>Answers that there is no answer.</summary>
    internal static Task RefuseAsync(HttpContext context, int status, string reason)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsync(reason + "\n", context.RequestAborted);
    }

    private static Task ConnectionsAsync(HttpContext context, ServedState state)
    {
        string limit = context.Request.Query["limit"].ToString();
        if (!int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out int most))
        {
            return RefuseAsync(context, StatusCodes.Status400BadRequest, "limit is needed, a number");
        }

        string wanted = context.Request.Query["unit"].ToString();
        UnitDocument? unit = UnitNamed(state.Board.Current, wanted);
        return wanted.Length > 0 && unit is null
            ? RefuseAsync(context, StatusCodes.Status404NotFound, $"there is no processing unit '{wanted}' on this host")
            : AskBackendAsync(context, () => state.Connections(unit?.Number, most), AgentJson.Compact.ConnectionsDocument);
    }

    /// <summary>A unit of this host by its name, its path or, for the host, <c>host</c>; null when there is none.</summary>
    internal static UnitDocument? UnitNamed(StatusDocument status, string name) =>
        status.Units.FirstOrDefault(unit => unit.Name == name || FlowEndpoint.Path(unit.Namespace, unit.Name) == name)
        ?? (name == "host" ? status.Units.FirstOrDefault(unit => unit.Number == LocalUnit.HostNumber) : null);

    private static Task AskBackendAsync<T>(HttpContext context, Func<T> ask, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> shape)
    {
        try
        {
            return WriteAsync(context, ask(), shape);
        }
        catch (BackendException refusal)
        {
            return RefuseAsync(context, StatusCodes.Status503ServiceUnavailable, refusal.Message);
        }
    }

    private static Task WriteAsync<T>(
        HttpContext context,
        T document,
        System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> shape
    ) => context.Response.WriteAsJsonAsync(document, shape, "application/json", context.RequestAborted);
}
