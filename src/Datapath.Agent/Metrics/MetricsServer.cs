using System.Net;
using System.Net.Sockets;
using Datapath.Agent.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Datapath.Agent.Metrics;

/// <summary>
/// The page over TCP. A server of its own: whoever reaches it can neither give an order nor take a place from those who do, and a port that is taken, or an
/// address that is not there yet, keeps nobody from enforcing.
/// </summary>
/// <param name="place">Where it listens.</param>
/// <param name="page">What it shows.</param>
/// <param name="log">Told when it cannot listen.</param>
/// <param name="clock">Times the next try.</param>
internal sealed class MetricsServer(IPEndPoint place, MetricsPage page, LineLogger log, TimeProvider clock)
{
    /// <summary>An address that comes with the network is soon listened on.</summary>
    public static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);

    // Some Prometheus servers and somebody who looks.
    private const int MaxConnections = 16;
    private const int MaxRequestBytes = 8 * 1024;
    private const int Backlog = 16;

    private static readonly TimeSpan ShutdownTime = TimeSpan.FromSeconds(1);

    /// <summary>What comes first: a server takes processor time that the first policy needs.</summary>
    public Task After { get; init; } = Task.CompletedTask;

    /// <summary>Runs until it is stopped.</summary>
    /// <param name="stop">Stops it.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            await After.WaitAsync(stop);
            using Socket socket = await ListenAsync(stop);
            await using WebApplication server = Build(socket);
            await server.StartAsync(stop);
            await server.WaitForShutdownAsync(stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The usual end.
        }
    }

    private async Task<Socket> ListenAsync(CancellationToken stop)
    {
        bool isRefused = false;
        while (true)
        {
            Socket socket = new(place.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (place.AddressFamily == AddressFamily.InterNetworkV6)
            {
                // [::] is every address of the host, those of IPv4 too.
                socket.DualMode = place.Address.Equals(IPAddress.IPv6Any);
            }

            try
            {
                socket.Bind(place);
                socket.Listen(Backlog);
                if (isRefused)
                {
                    log.MetricsServedAtLast(place.ToString());
                }

                return socket;
            }
            catch (SocketException refusal)
            {
                socket.Dispose();
                if (!isRefused)
                {
                    isRefused = true;
                    log.MetricsNotServed(place.ToString(), RetryInterval.TotalSeconds, refusal.Message);
                }
            }

            await Task.Delay(RetryInterval, clock, stop);
        }
    }

    private WebApplication Build(Socket socket)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "datapath" });
        builder.Logging.AddProvider(log).SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(Limit);
        builder.Services.Configure<SocketTransportOptions>(transport => transport.CreateBoundListenSocket = _ => socket);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownTime);
        builder.Services.AddRoutingCore();
        // Not the one of the console: a signal is the agent's, which stops this with everything else.
        builder.Services.AddSingleton<IHostLifetime, QuietLifetime>();
        WebApplication server = builder.Build();
        server.MapGet(MetricsPage.Path, page.AnswerAsync);
        return server;
    }

    private void Limit(KestrelServerOptions server)
    {
        server.AddServerHeader = false;
        server.Limits.MaxConcurrentConnections = MaxConnections;
        server.Limits.MaxRequestBodySize = 0;
        server.Limits.MaxRequestHeadersTotalSize = MaxRequestBytes;
        server.Limits.MaxRequestLineSize = MaxRequestBytes / 2;
        server.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
        server.Listen(place, endpoint => endpoint.Protocols = HttpProtocols.Http1);
    }

    private sealed class QuietLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
