using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Datapath.Agent.Documents;

namespace Datapath.Agent.Hosting;

/// <summary>What came of asking an agent.</summary>
internal enum AgentReach
{
    /// <summary>It answered.</summary>
    Answered,

    /// <summary>Nobody listens.</summary>
    NotRunning,

    /// <summary>Somebody may listen, but there is no answer that we understand.</summary>
    Unclear,
}

/// <summary>Asks a running agent over its socket.</summary>
internal static class AgentClient
{
    /// <summary>It answers from memory: longer means that it hangs.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Asks for the status.</summary>
    /// <param name="socketPath">Where the agent listens.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<AgentAnswer> StatusAsync(string socketPath, CancellationToken cancellation)
    {
        using SocketsHttpHandler handler = new()
        {
            ConnectCallback = async (_, token) => await ConnectAsync(socketPath, token),
            UseProxy = false,
        };
        using HttpClient client = new(handler) { Timeout = Patience, BaseAddress = new Uri("http://agent") };
        try
        {
            StatusDocument? status = await client.GetFromJsonAsync("/v1/status", AgentJson.Compact.StatusDocument, cancellation);
            return status is null ? Unclear("it says nothing") : new AgentAnswer(AgentReach.Answered, status, null);
        }
        catch (HttpRequestException refusal) when (IsNobodyThere(refusal.InnerException))
        {
            return new AgentAnswer(AgentReach.NotRunning, null, $"no agent listens on {socketPath}");
        }
        catch (Exception refusal) when (refusal is HttpRequestException or JsonException)
        {
            return Unclear((refusal.InnerException ?? refusal).Message);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Unclear($"no answer within {Patience.TotalSeconds} s");
        }

        AgentAnswer Unclear(string reason) => new(AgentReach.Unclear, null, $"the agent on {socketPath} cannot be asked: {reason}");
    }

    private static async Task<Stream> ConnectAsync(string socketPath, CancellationToken cancellation)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // ENOENT is "address not available" to .NET; a socket that a dead agent left refuses the connection.
    private static bool IsNobodyThere(Exception? cause) =>
        cause is SocketException { SocketErrorCode: SocketError.AddressNotAvailable or SocketError.ConnectionRefused };
}

/// <summary>An agent's answer.</summary>
/// <param name="Reach">Whether there is one.</param>
/// <param name="Status">The answer; null when there is none.</param>
/// <param name="Problem">Why there is none; null when there is one.</param>
internal sealed record AgentAnswer(AgentReach Reach, StatusDocument? Status, string? Problem);
