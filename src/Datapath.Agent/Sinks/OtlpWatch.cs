using System.Globalization;
using System.Net;

namespace Datapath.Agent.Sinks;

/// <summary>Sees what becomes of the exporter's requests, which the exporter tells nobody.</summary>
internal sealed class OtlpWatch() : DelegatingHandler(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(5) })
{
    private const string GrpcStatus = "grpc-status";

    // An exporter whose time is over before it begins asks nobody, and says that all went well.
    private const string NothingAsked = "the exporter sent nothing in its time";

    private string? _problem;

    /// <summary>Why a request failed since <see cref="Forget"/>, or that there was none; null when the collector took all.</summary>
    public string? Problem => Volatile.Read(ref _problem);

    /// <summary>Begins anew.</summary>
    public void Forget() => Volatile.Write(ref _problem, NothingAsked);

    /// <inheritdoc/>
    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            HttpResponseMessage response = base.Send(request, cancellationToken);
            response.Content.LoadIntoBufferAsync(cancellationToken).GetAwaiter().GetResult();
            Note(response);
            return response;
        }
        catch (Exception trouble) when (trouble is HttpRequestException or OperationCanceledException or IOException)
        {
            Volatile.Write(ref _problem, trouble.Message);
            throw;
        }
    }

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            HttpResponseMessage response = await base.SendAsync(request, cancellationToken);

            // The status of gRPC stands behind the content.
            await response.Content.LoadIntoBufferAsync(cancellationToken);
            Note(response);
            return response;
        }
        catch (Exception trouble) when (trouble is HttpRequestException or OperationCanceledException or IOException)
        {
            Volatile.Write(ref _problem, trouble.Message);
            throw;
        }
    }

    private void Note(HttpResponseMessage response)
    {
        if (response.StatusCode != HttpStatusCode.OK)
        {
            Volatile.Write(ref _problem, string.Create(CultureInfo.InvariantCulture, $"the collector answers {(int)response.StatusCode}"));
        }
        else if (Status(response.TrailingHeaders) is { } status and not "0" || (status = Status(response.Headers)) is not null and not "0")
        {
            Volatile.Write(ref _problem, $"the collector answers gRPC status {status}");
        }
        else
        {
            Interlocked.CompareExchange(ref _problem, null, NothingAsked);
        }
    }

    private static string? Status(System.Net.Http.Headers.HttpResponseHeaders headers) =>
        headers.TryGetValues(GrpcStatus, out IEnumerable<string>? values) ? values.First() : null;
}
