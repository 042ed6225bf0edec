using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Datapath.Agent.Documents;

namespace Datapath.Agent.Hosting;

/// <summary>What came of asking an agent.</summary>
internal enum AgentReach
{
    /// <summary>It answered.</summary>
    Answered,

    /// <summary>Nobody listens.</summary>
    NotRunning,

    /// <summary>It answered that there is no such thing.</summary>
    Absent,

    /// <summary>Somebody may listen, but there is no answer that we understand.</summary>
    Unclear,
}

/// <summary>Asks a running agent over its socket.</summary>
internal static class AgentClient
{
    /// <summary>It answers from memory: longer means that it hangs.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>An explanation reads every rule for each unit that is asked about, and of either there may be tens of thousands.</summary>
    private static readonly TimeSpan PatienceToExplain = TimeSpan.FromMinutes(2);

    /// <summary>It reads, compiles and waits for the kernel; the largest policies take seconds.</summary>
    private static readonly TimeSpan PatienceForOrders = TimeSpan.FromMinutes(2);

    /// <summary>Tables of flows may hold hundreds of thousands.</summary>
    private static readonly TimeSpan PatienceForTables = TimeSpan.FromSeconds(30);

    /// <summary>Asks for the status.</summary>
    /// <param name="socketPath">Where the agent listens.</param>
    /// <param name="cancellation">Gives up.</param>
    public static Task<AgentAnswer<StatusDocument>> StatusAsync(string socketPath, CancellationToken cancellation) =>
        AskAsync(socketPath, "/v1/status", AgentJson.Compact.StatusDocument, Patience, cancellation);

    /// <summary>Asks about a connection, by the policy that the agent enforces.</summary>
    /// <param name="socketPath">Where the agent listens.</param>
    /// <param name="from">Who opens it.</param>
    /// <param name="to">Who receives it.</param>
    /// <param name="port">The port.</param>
    /// <param name="cancellation">Gives up.</param>
    public static Task<AgentAnswer<ExplainDocument>> ExplainAsync(
        string socketPath,
        string from,
        string to,
        string port,
        CancellationToken cancellation
    )
    {
        string question = $"/v1/explain?from={Uri.EscapeDataString(from)}&to={Uri.EscapeDataString(to)}&port={Uri.EscapeDataString(port)}";
        return AskAsync(socketPath, question, AgentJson.Compact.ExplainDocument, PatienceToExplain, cancellation);
    }

    /// <summary>Gives an order and waits until it is carried out.</summary>
    /// <param name="socketPath">Where the agent listens.</param>
    /// <param name="order">Behind <c>/v1/orders/</c>, with its parameters.</param>
    /// <param name="cancellation">Gives up waiting; the order may be carried out all the same.</param>
    public static Task<AgentAnswer<OrderDocument>> OrderAsync(string socketPath, string order, CancellationToken cancellation) =>
        AskAsync(socketPath, AgentJson.Compact.OrderDocument, PatienceForOrders, client => client.PostAsync($"/v1/orders/{order}", null, cancellation), cancellation);

    /// <summary>Asks what happens most.</summary>
    /// <param name="socketPath">Where the agent listens.</param>
    /// <param name="cancellation">Gives up.</param>
    public static Task<AgentAnswer<TopDocument>> TopAsync(string socketPath, CancellationToken cancellation) =>
        AskAsync(socketPath, "/v1/top", AgentJson.Compact.TopDocument, Patience, cancellation);

    /// <summary>Asks for the files of a policy.</summary>
    /// <param name="socketPath">Where the agent listens.</param>
    /// <param name="which">One of the constants of <see cref="PolicyFilesDocument"/>.</param>
    /// <param name="cancellation">Gives up.</param>
    public static Task<AgentAnswer<PolicyFilesDocument>> PolicyAsync(string socketPath, string which, CancellationToken cancellation) =>
        AskAsync(socketPath, $"/v1/policy/{which}", AgentJson.Compact.PolicyFilesDocument, Patience, cancellation);

    /// <summary>Asks for live connections.</summary>
    /// <param name="socketPath">Where the agent listens.</param>
    /// <param name="unit">Name of the unit; null for all.</param>
    /// <param name="most">How many at most.</param>
    /// <param name="cancellation">Gives up.</param>
    public static Task<AgentAnswer<ConnectionsDocument>> ConnectionsAsync(string socketPath, string? unit, int most, CancellationToken cancellation)
    {
        string wanted = unit is null ? "" : $"&unit={Uri.EscapeDataString(unit)}";
        string question = string.Create(CultureInfo.InvariantCulture, $"/v1/connections?limit={most}{wanted}");
        return AskAsync(socketPath, question, AgentJson.Compact.ConnectionsDocument, PatienceForTables, cancellation);
    }

    /// <summary>Has a unit probe somebody.</summary>
    /// <param name="socketPath">Where the agent listens.</param>
    /// <param name="unit">Name of the unit.</param>
    /// <param name="target">Whom to reach; port 0 for an echo.</param>
    /// <param name="patience">How long the answer is waited for, to the second.</param>
    /// <param name="cancellation">Gives up.</param>
    public static Task<AgentAnswer<PingDocument>> PingAsync(string socketPath, string unit, IPEndPoint target, TimeSpan patience, CancellationToken cancellation)
    {
        string question = string.Create(
            CultureInfo.InvariantCulture,
            $"/v1/ping?unit={Uri.EscapeDataString(unit)}&to={Uri.EscapeDataString(target.Address.ToString())}&port={target.Port}&seconds={(int)Math.Max(1, patience.TotalSeconds)}"
        );
        return AskAsync(socketPath, AgentJson.Compact.PingDocument, patience + PatienceToExplain, client => client.PostAsync(question, null, cancellation), cancellation);
    }

    /// <summary>Asks for an answer as it is.</summary>
    /// <param name="socketPath">Where the agent listens.</param>
    /// <param name="question">The path with its parameters.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>The answer, or why there is none.</returns>
    public static async Task<(string? Text, string? Problem)> TextAsync(string socketPath, string question, CancellationToken cancellation)
    {
        List<string> lines = [];
        string? problem = await LinesAsync(socketPath, question, () => { }, lines.Add, cancellation);
        return problem is null ? (string.Concat(lines.Select(line => line + "\n")), null) : (null, problem);
    }

    /// <summary>Asks for the packets that are dropped at a unit from now on.</summary>
    /// <param name="socketPath">Where the agent listens.</param>
    /// <param name="unit">Name of the unit.</param>
    /// <param name="time">How long, to the second.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>A file of libpcap, or why there is none; and how many flows no packet was seen of.</returns>
    public static async Task<(byte[]? Packets, string? Problem, string? Unseen)> CaptureAsync(string socketPath, string unit, TimeSpan time, CancellationToken cancellation)
    {
        using HttpClient client = Open(socketPath, time + PatienceForTables);
        try
        {
            string question = string.Create(CultureInfo.InvariantCulture, $"/v1/capture?unit={Uri.EscapeDataString(unit)}&seconds={(int)Math.Max(1, time.TotalSeconds)}");
            using HttpResponseMessage answer = await client.PostAsync(question, null, cancellation);
            string? unseen = answer.Headers.TryGetValues(CaptureRequest.UnseenHeader, out IEnumerable<string>? values) ? values.First() : null;
            return answer.IsSuccessStatusCode
                ? (await answer.Content.ReadAsByteArrayAsync(cancellation), null, unseen)
                : (null, (await answer.Content.ReadAsStringAsync(cancellation)).Trim(), null);
        }
        catch (HttpRequestException refusal)
        {
            return (null, IsNobodyThere(refusal.InnerException) ? $"no agent listens on {socketPath}" : (refusal.InnerException ?? refusal).Message, null);
        }
    }

    /// <summary>Asks for lines, and waits for each as long as the agent lets it wait.</summary>
    /// <param name="socketPath">Where the agent listens.</param>
    /// <param name="question">The path with its parameters.</param>
    /// <param name="begin">Called when the agent answers, before the first line.</param>
    /// <param name="onLine">Is given each line.</param>
    /// <param name="cancellation">Ends it; that is no failure.</param>
    /// <returns>Why there are no more lines; null when that is the end, or was wanted.</returns>
    public static async Task<string?> LinesAsync(string socketPath, string question, Action begin, Action<string> onLine, CancellationToken cancellation)
    {
        using HttpClient client = Open(socketPath, Timeout.InfiniteTimeSpan);
        try
        {
            using HttpResponseMessage answer = await client.GetAsync(question, HttpCompletionOption.ResponseHeadersRead, cancellation);
            if (!answer.IsSuccessStatusCode)
            {
                return (await answer.Content.ReadAsStringAsync(cancellation)).Trim();
            }

            begin();
            using StreamReader lines = new(await answer.Content.ReadAsStreamAsync(cancellation));
            while (await lines.ReadLineAsync(cancellation) is { } line)
            {
                onLine(line);
            }

            return null;
        }
        catch (HttpRequestException refusal) when (IsNobodyThere(refusal.InnerException))
        {
            return $"no agent listens on {socketPath}";
        }
        catch (Exception refusal) when (refusal is HttpRequestException or IOException)
        {
            return $"the agent on {socketPath} answers no more: {(refusal.InnerException ?? refusal).Message}";
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private static Task<AgentAnswer<T>> AskAsync<T>(
        string socketPath,
        string question,
        JsonTypeInfo<T> shape,
        TimeSpan patience,
        CancellationToken cancellation
    )
        where T : class => AskAsync(socketPath, shape, patience, client => client.GetAsync(question, cancellation), cancellation);

    private static async Task<AgentAnswer<T>> AskAsync<T>(
        string socketPath,
        JsonTypeInfo<T> shape,
        TimeSpan patience,
        Func<HttpClient, Task<HttpResponseMessage>> ask,
        CancellationToken cancellation
    )
        where T : class
    {
        using HttpClient client = Open(socketPath, patience);
        try
        {
            using HttpResponseMessage answer = await ask(client);
            if (answer.StatusCode == HttpStatusCode.NotFound)
            {
                return new AgentAnswer<T>(AgentReach.Absent, null, (await answer.Content.ReadAsStringAsync(cancellation)).Trim());
            }

            if (!answer.IsSuccessStatusCode)
            {
                return Unclear($"{(int)answer.StatusCode} {(await answer.Content.ReadAsStringAsync(cancellation)).Trim()}");
            }

            T? document = await answer.Content.ReadFromJsonAsync(shape, cancellation);
            return document is null ? Unclear("it says nothing") : new AgentAnswer<T>(AgentReach.Answered, document, null);
        }
        catch (HttpRequestException refusal) when (IsNobodyThere(refusal.InnerException))
        {
            return new AgentAnswer<T>(AgentReach.NotRunning, null, $"no agent listens on {socketPath}");
        }
        catch (Exception refusal) when (refusal is HttpRequestException or JsonException)
        {
            return Unclear((refusal.InnerException ?? refusal).Message);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Unclear($"no answer within {patience.TotalSeconds} s");
        }

        AgentAnswer<T> Unclear(string reason) => new(AgentReach.Unclear, null, $"the agent on {socketPath} cannot be asked: {reason}");
    }

    private static HttpClient Open(string socketPath, TimeSpan patience)
    {
        SocketsHttpHandler handler = new()
        {
            ConnectCallback = async (_, token) => await ConnectAsync(socketPath, token),
            UseProxy = false,
        };
        return new HttpClient(handler, disposeHandler: true) { Timeout = patience, BaseAddress = new Uri("http://agent") };
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
/// <param name="Document">The answer; null when there is none.</param>
/// <param name="Problem">Why there is none; null when there is one.</param>
/// <typeparam name="T">Its type.</typeparam>
internal sealed record AgentAnswer<T>(AgentReach Reach, T? Document, string? Problem)
    where T : class
{
    /// <summary>Whether the answer is that there is no such thing.</summary>
    public bool IsAbsent => Reach == AgentReach.Absent;
}
