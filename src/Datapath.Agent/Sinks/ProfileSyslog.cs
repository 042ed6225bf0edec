using System.Globalization;
using Datapath.Agent.Files;
using Datapath.Policy.Rulesets;

namespace Datapath.Agent.Sinks;

/// <summary>Turns what an enforcer profile says of syslog into settings of a sink.</summary>
internal static class ProfileSyslog
{
    private const int HighestFacility = 23;

    /// <summary>The settings.</summary>
    /// <param name="written">Of the profile.</param>
    /// <param name="directory">Where PEM that stands in the profile itself is put, because TLS reads files.</param>
    /// <param name="problem">Why there are none, one sentence; null when there are.</param>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be written.</exception>
    public static SyslogSettings? Read(SyslogProfile written, string directory, out string? problem)
    {
        SyslogEndpoint? endpoint = written.Endpoint.Length == 0 ? SyslogEndpoint.Local : SyslogEndpoint.Parse(written.Endpoint);
        SyslogFormat? format = written.Format.ToUpperInvariant() switch
        {
            "" or "AUTO" => SyslogFormat.Auto,
            "BSD" => SyslogFormat.Bsd,
            "IETF" => SyslogFormat.Ietf,
            _ => null,
        };
        int facility = SyslogSettings.User;
        bool isFacility = written.Facility.Length == 0 || (int.TryParse(written.Facility, NumberStyles.None, CultureInfo.InvariantCulture, out facility) && facility <= HighestFacility);
        problem =
            endpoint is null ? $"'{written.Endpoint}' is no endpoint: write udp://, tcp:// or tls://HOST:PORT"
            : format is null ? $"'{written.Format}' is no format: write AUTO, BSD or IETF"
            : isFacility ? null
            : $"'{written.Facility}' is no facility: write 0 to {HighestFacility}";
        return problem is not null
            ? null
            : new SyslogSettings
            {
                Endpoint = endpoint!,
                Format = format!.Value,
                Facility = facility,
                ServerCa = FileOf(written.ServerCa, directory, "server-ca.pem"),
                ClientCertificate = FileOf(written.ClientCertificate, directory, "client.pem"),
                ClientKey = FileOf(written.ClientKey, directory, "client.key"),
            };
    }

    private static string? FileOf(string text, string directory, string name)
    {
        if (!text.Contains("-----BEGIN", StringComparison.Ordinal))
        {
            return text.Length == 0 ? null : text;
        }

        string path = Path.Combine(directory, name);
        DurableFile.Replace(path, text);
        return path;
    }
}
