using System.Globalization;
using System.Net;

namespace Datapath.Agent.Sinks;

/// <summary>Sees what becomes of the exporter's requests, which the exporter tells nobody.</summary>
internal sealed class OtlpWatch() : DelegatingHandler(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(5) })
{
    private const string GrpcStatus = "grpc-status";

    private TaskCompletionSource<string?> _answer = NewAnswer();

    /// <summary>What becomes of the first request after this call: null when the collector took it, else why not.</summary>
    public Task<string?> NextAnswer()
    {
        TaskCompletionSource<string?> answer = NewAnswer();
        Volatile.Write(ref _answer, answer);
        return answer.Task;
    }

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
            Tell(trouble.Message);
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
            Tell(trouble.Message);
            throw;
        }
    }

    private static TaskCompletionSource<string?> NewAnswer() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Tell(string? problem) => Volatile.Read(ref _answer).TrySetResult(problem);

    private void Note(HttpResponseMessage response)
    {
        if (response.StatusCode != HttpStatusCode.OK)
        {
            Tell(string.Create(CultureInfo.InvariantCulture, $"the collector answers {(int)response.StatusCode}"));
        }
        else if ((Status(response.TrailingHeaders) ?? Status(response.Headers)) is { } status and not "0")
        {
            Tell($"the collector answers gRPC status {status}");
        }
        else
        {
            Tell(null);
        }
    }

    private static string? Status(System.Net.Http.Headers.HttpResponseHeaders headers) =>
        headers.TryGetValues(GrpcStatus, out IEnumerable<string>? values) ? values.First() : null;
}
