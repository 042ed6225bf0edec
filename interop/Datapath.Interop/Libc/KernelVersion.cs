using System.Globalization;

namespace Datapath.Interop.Libc;

/// <summary>The version of a kernel. Distributions backport: probe a feature rather than compare versions.</summary>
/// <param name="Major">The first number.</param>
/// <param name="Minor">The second.</param>
/// <param name="Patch">The third; 0 when there is none.</param>
public readonly record struct KernelVersion(int Major, int Minor, int Patch) : IComparable<KernelVersion>
{
    /// <summary>Of the running kernel.</summary>
    public static KernelVersion Running { get; } = Parse(File.ReadAllText("/proc/sys/kernel/osrelease"));

    /// <summary>Reads the beginning of a release such as <c>6.1.0-18-amd64</c>; missing numbers are 0.</summary>
    /// <param name="release">As <c>uname -r</c> prints it.</param>
    public static KernelVersion Parse(string release)
    {
        Span<int> numbers = [0, 0, 0];
        ReadOnlySpan<char> rest = release;
        for (int i = 0; i < numbers.Length; i++)
        {
            int digits = rest.IndexOfAnyExceptInRange('0', '9');
            digits = digits < 0 ? rest.Length : digits;
            if (!int.TryParse(rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i]))
            {
                break;
            }

            rest = rest[digits..];
            if (rest.IsEmpty || rest[0] != '.')
            {
                break;
            }

            rest = rest[1..];
        }

        return new KernelVersion(numbers[0], numbers[1], numbers[2]);
    }

    /// <summary>Whether one is older.</summary>
    /// <param name="left">The one.</param>
    /// <param name="right">The other.</param>
    public static bool operator <(KernelVersion left, KernelVersion right) => left.CompareTo(right) < 0;

    /// <summary>Whether one is newer.</summary>
    /// <param name="left">The one.</param>
    /// <param name="right">The other.</param>
    public static bool operator >(KernelVersion left, KernelVersion right) => left.CompareTo(right) > 0;

    /// <summary>Whether one is older or the same.</summary>
    /// <param name="left">The one.</param>
    /// <param name="right">The other.</param>
    public static bool operator <=(KernelVersion left, KernelVersion right) => left.CompareTo(right) <= 0;

    /// <summary>Whether one is newer or the same.</summary>
    /// <param name="left">The one.</param>
    /// <param name="right">The other.</param>
    public static bool operator >=(KernelVersion left, KernelVersion right) => left.CompareTo(right) >= 0;

    /// <inheritdoc/>
    public int CompareTo(KernelVersion other) => (Major, Minor, Patch).CompareTo((other.Major, other.Minor, other.Patch));

    /// <inheritdoc/>
    public override string ToString() => $"{Major}.{Minor}.{Patch}";
}
