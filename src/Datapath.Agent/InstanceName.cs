using System.Text.RegularExpressions;

namespace Datapath.Agent;

/// <summary>
/// The name that tells one agent of a kernel from another. Every path and every kernel object of an agent is derived from it,
/// so that two instances cannot meet.
/// </summary>
internal sealed partial record InstanceName
{
    /// <summary>Short enough for the names of kernel objects that carry it.</summary>
    public const int MaxLength = 20;

    /// <summary>Where sockets are by default, and the locks of all instances always.</summary>
    public const string RuntimeDirectory = "/run/datapath";

    /// <summary>Where configuration files and, unless configured otherwise, policies are.</summary>
    public const string ConfigurationDirectory = "/etc/datapath";

    /// <summary>Where state directories are, unless configured otherwise.</summary>
    public const string StateRoot = "/var/lib/datapath";

    private InstanceName(string text) => Text = text;

    /// <summary>The instance of a host that runs one agent.</summary>
    public static InstanceName Default { get; } = new("default");

    /// <summary>1 to <see cref="MaxLength"/> characters of <c>a</c> to <c>z</c>, <c>0</c> to <c>9</c> and <c>-</c>.</summary>
    public string Text { get; }

    /// <summary>The socket that the agent listens on unless told otherwise.</summary>
    public string DefaultSocketPath => this == Default ? $"{RuntimeDirectory}/datapath.sock" : $"{RuntimeDirectory}/{Text}.sock";

    /// <summary>The directory of what must outlive a restart, unless told otherwise.</summary>
    public string DefaultStateDirectory => $"{StateRoot}/{Text}";

    /// <summary>Name of its configuration file, without a directory.</summary>
    public string ConfigurationFile => this == Default ? "datapath.conf" : $"{Text}.conf";

    /// <summary>The name, or null when the text is not one.</summary>
    /// <param name="text">As written by a user, or found in the kernel.</param>
    public static InstanceName? Parse(string text) => Form().IsMatch(text) ? new InstanceName(text) : null;

    /// <summary>The name as written.</summary>
    public override string ToString() => Text;

    // \z, not $: a name that ends in a line feed would match $.
    [GeneratedRegex(@"^[a-z0-9-]{1,20}\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Form();
}
