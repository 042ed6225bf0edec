using System.Reflection;

namespace Datapath.Agent;

/// <summary>Which build this is.</summary>
/// <param name="Number">The version of the release, such as <c>0.1.0</c>.</param>
/// <param name="Commit">The revision that it was built from; empty when the build did not know.</param>
internal sealed record AgentVersion(string Number, string Commit)
{
    /// <summary>This executable's, as the build recorded it.</summary>
    public static AgentVersion Current { get; } = Parse(
        typeof(AgentVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? ""
    );

    /// <summary>Takes <c>number+commit</c> apart, the form that the SDK records.</summary>
    /// <param name="informational">The recorded text.</param>
    public static AgentVersion Parse(string informational)
    {
        string[] parts = informational.Split('+', 2);
        return new AgentVersion(parts[0], parts.Length == 2 ? parts[1] : "");
    }
}
