using Datapath.Agent.Documents;
using Datapath.Agent.Loops;
using Datapath.Agent.Metrics;
using Datapath.Backends;
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
    public static WebApplication Build(ControlSocket socket, ServedState state, LineLogger logger, IEnumerable<AgentLoop> loops)
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
        CancellationToken stopping = server.Lifetime.ApplicationStopping;
        server.MapGet("/v1/status", context => WriteAsync(context, state.Board.Current, AgentJson.Compact.StatusDocument));
        server.MapGet(
            "/v1/version",
            context => WriteAsync(context, VersionDocument.Of(AgentVersion.Current), AgentJson.Compact.VersionDocument)
        );
        server.MapGet("/v1/explain", context => ExplainAsync(context, state.Active));
        server.MapPost("/v1/orders/{kind}", context => OrderRequest.AnswerAsync(context, state.Give));
        server.MapGet("/v1/events", context => EventStream.WriteAsync(context, state.Feed, stopping));
        server.MapGet("/v1/flows", context => FlowStream.WriteAsync(context, state.Records, stopping));
        server.MapGet(MetricsPage.Path, state.Metrics.AnswerAsync);
        server.MapGet("/v1/top", context => TopAsync(context, state.Top));
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
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return context.Response.WriteAsync("from, to and port are needed, each once\n", context.RequestAborted);
        }

        return WriteAsync(context, active.Explain(from, to, port), AgentJson.Compact.ExplainDocument);
    }

    private static Task TopAsync(HttpContext context, Func<TopDocument> top)
    {
        try
        {
            return WriteAsync(context, top(), AgentJson.Compact.TopDocument);
        }
        catch (BackendException refusal)
        {
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return context.Response.WriteAsync(refusal.Message + "\n", context.RequestAborted);
        }
    }

    private static Task WriteAsync<T>(
        HttpContext context,
        T document,
        System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> shape
    ) => context.Response.WriteAsJsonAsync(document, shape, "application/json", context.RequestAborted);
}
