using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Datapath.Agent.Documents;
using Datapath.Agent.Hosting;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath ping</c>: a probe from a processing unit through the real hooks, and what became of it (specification f.3).</summary>
internal static class PingCommand
{
    private const int HighestPort = 65535;

    /// <summary>The verb.</summary>
    /// <param name="options">Every option there is.</param>
    public static Command Create(OptionTable options)
    {
        Argument<string> unit = new("PU") { Description = "Name of the processing unit that it comes from: web, /shop/web or host" };
        Argument<string> target = new("HOST:PORT") { Description = "Whom to reach: a name or an address with a port, an IPv6 address in brackets; without a port an echo" };
        Command verb = CommandLine.Verb(
            "ping",
            "Open a connection from a processing unit and say what the policy says, whether the packet left and whether an answer came; exit 0 when every probe was answered, else 1",
            options.Mode,
            options.Iterations,
            options.Within,
            options.Json,
            options.Instance,
            options.Socket
        );
        verb.Add(unit);
        verb.Add(target);
        verb.SetAction((parse, cancellation) => RunAsync(parse, options, parse.GetRequiredValue(unit), parse.GetRequiredValue(target), cancellation));
        return verb;
    }

    private static async Task<int> RunAsync(ParseResult parse, OptionTable options, string unit, string text, CancellationToken cancellation)
    {
        InvocationConfiguration console = parse.InvocationConfiguration;
        (IPEndPoint? target, string? problem) = await TargetAsync(text, options.Mode.In(parse), cancellation);
        if (target is null)
        {
            await console.Error.WriteLineAsync($"datapath: {problem}");
            return ExitCode.CouldNot;
        }

        string socket = options.Socket.In(parse) ?? options.Instance.In(parse).DefaultSocketPath;
        int count = options.Iterations.In(parse);
        bool isJson = options.Json.In(parse);
        int answered = 0;
        for (int number = 1; number <= count; number++)
        {
            AgentAnswer<PingDocument> answer = await AgentClient.PingAsync(socket, unit, target, options.Within.In(parse), cancellation);
            if (answer.Document is not { } ping)
            {
                await console.Error.WriteLineAsync($"datapath: {answer.Problem}");
                return ExitCode.CouldNot;
            }

            answered += ping.Outcome == PingDocument.Answered ? 1 : 0;
            await console.Output.WriteAsync(
                isJson ? JsonSerializer.Serialize(ping, AgentJson.Compact.PingDocument) + "\n"
                : (number == 1 ? PingText.Heading(ping) : "") + PingText.Line(ping, number)
            );
        }

        if (!isJson)
        {
            await console.Output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{answered} of {count} answered"));
        }

        return answered == count ? ExitCode.Done : ExitCode.No;
    }

    // Names are looked up here, where the operator is; the agent asks nobody.
    private static async Task<(IPEndPoint? Target, string? Problem)> TargetAsync(string text, PingMode mode, CancellationToken cancellation)
    {
        (string host, int port) = Split(text);
        if (port < 0 || host.Length == 0)
        {
            return (null, $"'{text}' is not HOST:PORT: write 10.1.2.3:443, [2001:db8::1]:443 or db.example.org:443");
        }

        if (port == 0 && mode == PingMode.Layer4)
        {
            return (null, $"'{text}' has no port, and --mode l4 needs one");
        }

        try
        {
            IPAddress[] addresses = IPAddress.TryParse(host, out IPAddress? address) ? [address] : await Dns.GetHostAddressesAsync(host, cancellation);
            return addresses.Length == 0 ? (null, $"'{host}' has no address") : (new IPEndPoint(addresses[0], mode == PingMode.Layer3 ? 0 : port), null);
        }
        catch (SocketException refusal)
        {
            return (null, $"{host}: {refusal.Message}");
        }
    }

    // Port 0 for none, -1 for one that is none.
    private static (string Host, int Port) Split(string text)
    {
        if (IPAddress.TryParse(text, out _) && !text.StartsWith('['))
        {
            return (text, 0);
        }

        int end = text.StartsWith('[') ? text.IndexOf(']', StringComparison.Ordinal) + 1 : text.LastIndexOf(':');
        if (end <= 0 || end >= text.Length)
        {
            return (text.Trim('[', ']'), text.EndsWith(':') ? -1 : 0);
        }

        bool isPort = text[end] == ':' && int.TryParse(text.AsSpan(end + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port is > 0 and <= HighestPort;
        return (text[..end].Trim('[', ']'), isPort ? int.Parse(text.AsSpan(end + 1), NumberStyles.None, CultureInfo.InvariantCulture) : -1);
    }
}

/// <summary>What a probe is.</summary>
internal enum PingMode
{
    /// <summary>A TCP connection where there is a port, else an echo.</summary>
    Auto,

    /// <summary>An echo.</summary>
    Layer3,

    /// <summary>A TCP connection.</summary>
    Layer4,
}
