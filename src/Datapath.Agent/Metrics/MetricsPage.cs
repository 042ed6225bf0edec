using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Datapath.Agent.Metrics;

/// <summary>Answers <c>GET /metrics</c>.</summary>
/// <param name="collector">What it shows.</param>
internal sealed class MetricsPage(MetricCollector collector)
{
    /// <summary>Where it is.</summary>
    public const string Path = "/metrics";

    private const int LeastBytes = 1 << 14;

    // As large as the last one was: to grow is to copy.

    private int _length;

    /// <summary>Answers.</summary>
    /// <param name="context">The request.</param>
    public async Task AnswerAsync(HttpContext context)
    {
        ExpositionFormat format = ExpositionFormats.Negotiate(context.Request.Headers.Accept);
        ReadOnlyMemory<byte> page = Write(format);
        context.Response.ContentType = ExpositionFormats.ContentType(format);
        context.Response.ContentLength = page.Length;
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.Body.WriteAsync(page, context.RequestAborted);
    }

    /// <summary>The page as it is now.</summary>
    /// <param name="format">Its form.</param>
    public ReadOnlyMemory<byte> Write(ExpositionFormat format)
    {
        // Written as a whole before it is sent: who reads slowly keeps nobody from looking.
        ArrayBufferWriter<byte> page = new(Math.Max(LeastBytes, _length + (_length / 8)));
        collector.Collect(families => new ExpositionWriter(page, format).Write(families));
        _length = page.WrittenCount;
        return page.WrittenMemory;
    }
}
