using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Datapath.Agent.Hosting;

/// <summary>Gives entries to systemd's journal with a field for each value, so that <c>journalctl EVENT_ID=1108</c> finds them.</summary>
/// <remarks>
/// systemd's "Native Journal Protocol": a datagram to a Unix socket, <c>KEY=value</c> lines, or key, length and value where the value has line feeds.
/// An entry that is too long for a datagram is refused; the protocol has sealed files for those, which no entry of ours is worth.
/// </remarks>
internal sealed class JournalSocket : IDisposable
{
    /// <summary>Where the journal listens.</summary>
    public const string DefaultPath = "/run/systemd/journal/socket";

    // Names of fields have 64 characters at most (journald-native.c); ours are the names of what log messages are made of.
    private const string Prefix = "DATAPATH_";

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
    private readonly UnixDomainSocketEndPoint _address;

    /// <summary>A way to the journal, which need not be there yet.</summary>
    /// <param name="path">Of its socket.</param>
    public JournalSocket(string path) => _address = new UnixDomainSocketEndPoint(path);

    /// <summary>Gives it an entry.</summary>
    /// <param name="priority">As in syslog(3), 0 to 7.</param>
    /// <param name="eventId">The stable number of what happened.</param>
    /// <param name="message">The line for people.</param>
    /// <param name="values">What is in it, by name.</param>
    /// <returns>False when the journal does not take it; nobody waits for it.</returns>
    public bool TrySend(int priority, int eventId, string message, IEnumerable<(string Name, string Value)> values)
    {
        ArrayBufferWriter<byte> entry = new();
        Add(entry, "MESSAGE", message);
        Add(entry, "PRIORITY", priority.ToString(CultureInfo.InvariantCulture));
        Add(entry, "SYSLOG_IDENTIFIER", "datapath");
        Add(entry, "EVENT_ID", eventId.ToString(CultureInfo.InvariantCulture));
        foreach ((string name, string value) in values)
        {
            Add(entry, KeyOf(name), value);
        }

        try
        {
            return _socket.SendTo(entry.WrittenSpan, _address) == entry.WrittenCount;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    // "fromSockets" is DATAPATH_FROM_SOCKETS: upper case letters, digits and underscores are all that there may be.
    private static string KeyOf(string name)
    {
        StringBuilder key = new(Prefix);
        foreach (char letter in name)
        {
            key.Append(char.IsAsciiLetterUpper(letter) && key.Length > Prefix.Length ? "_" : "").Append(char.IsAsciiLetterOrDigit(letter) ? char.ToUpperInvariant(letter) : '_');
        }

        return key.ToString();
    }

    private static void Add(ArrayBufferWriter<byte> entry, string key, string value)
    {
        Encoding.UTF8.GetBytes(key, entry);
        if (value.Contains('\n', StringComparison.Ordinal))
        {
            entry.Write("\n"u8);
            BinaryPrimitives.WriteInt64LittleEndian(entry.GetSpan(sizeof(long)), Encoding.UTF8.GetByteCount(value));
            entry.Advance(sizeof(long));
        }
        else
        {
            entry.Write("="u8);
        }

        Encoding.UTF8.GetBytes(value, entry);
        entry.Write("\n"u8);
    }
}
