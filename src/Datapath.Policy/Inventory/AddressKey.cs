using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Datapath.Policy.Inventory;

/// <summary>An address as a number with its family: what tables are keyed by.</summary>
/// <param name="IsIPv6">The family.</param>
/// <param name="Value">The address in host byte order; IPv4 uses the low 32 bits.</param>
public readonly record struct AddressKey(bool IsIPv6, UInt128 Value) : IComparable<AddressKey>
{
    /// <summary>The number of an address. A scope is dropped, and an IPv4 address inside IPv6 is IPv4: that is what the wire carries.</summary>
    /// <param name="address">Of either family.</param>
    public static AddressKey From(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        IPAddress plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        Span<byte> bytes = stackalloc byte[16];
        plain.TryWriteBytes(bytes, out _);
        return plain.AddressFamily == AddressFamily.InterNetworkV6
            ? new AddressKey(true, BinaryPrimitives.ReadUInt128BigEndian(bytes))
            : new AddressKey(false, BinaryPrimitives.ReadUInt32BigEndian(bytes));
    }

    /// <summary>The address as the framework knows it.</summary>
    public IPAddress ToAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, Value);
        return IsIPv6 ? new IPAddress(bytes) : new IPAddress(bytes[12..]);
    }

    /// <summary>IPv4 before IPv6, then by value.</summary>
    /// <param name="other">The address to compare with.</param>
    public int CompareTo(AddressKey other) =>
        IsIPv6 == other.IsIPv6 ? Value.CompareTo(other.Value) : IsIPv6.CompareTo(other.IsIPv6);

    /// <summary>The address as people write it.</summary>
    public override string ToString() => ToAddress().ToString();

    /// <summary>Ordering, as <see cref="CompareTo"/>.</summary>
    public static bool operator <(AddressKey left, AddressKey right) => left.CompareTo(right) < 0;

    /// <summary>Ordering, as <see cref="CompareTo"/>.</summary>
    public static bool operator >(AddressKey left, AddressKey right) => left.CompareTo(right) > 0;

    /// <summary>Ordering, as <see cref="CompareTo"/>.</summary>
    public static bool operator <=(AddressKey left, AddressKey right) => left.CompareTo(right) <= 0;

    /// <summary>Ordering, as <see cref="CompareTo"/>.</summary>
    public static bool operator >=(AddressKey left, AddressKey right) => left.CompareTo(right) >= 0;
}
