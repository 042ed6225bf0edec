using System.Collections.Immutable;
using Datapath.Policy.Resolution;

namespace Datapath.Flows;

/// <summary>What stands at an end of a flow.</summary>
public enum FlowEndpointType : byte
{
    /// <summary>An external network, or an address that the policy does not know.</summary>
    ExternalNetwork,

    /// <summary>A processing unit of this host or another.</summary>
    ProcessingUnit,
}

/// <summary>An end of a flow as the policy knows it.</summary>
/// <param name="Type">What it is.</param>
/// <param name="Id">The path of namespace and name, such as <c>/shop/web</c>; <c>default</c> for an address that the policy does not know.</param>
/// <param name="Name">Its name; empty when it is not known.</param>
/// <param name="Namespace">Absolute path of its namespace; empty when it is not known.</param>
/// <param name="Tags">Its tags, sorted.</param>
/// <remarks>The words are those of flow reports, specification e.1: an unknown address is the external network <c>default</c>.</remarks>
public sealed record FlowEndpoint(FlowEndpointType Type, string Id, string Name, string Namespace, ImmutableArray<string> Tags)
{
    /// <summary>An address that the policy does not know.</summary>
    public static FlowEndpoint Unknown { get; } = new(FlowEndpointType.ExternalNetwork, "default", "", "", []);

    /// <summary>A processing unit.</summary>
    /// <param name="space">Absolute path of its namespace.</param>
    /// <param name="name">Its name.</param>
    /// <param name="tags">Its tags; empty when they are not known any more.</param>
    public static FlowEndpoint Unit(string space, string name, ImmutableArray<string> tags) =>
        new(FlowEndpointType.ProcessingUnit, Path(space, name), name, space, tags);

    /// <summary>An external network.</summary>
    /// <param name="network">The network.</param>
    public static FlowEndpoint Of(ResolvedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return new(FlowEndpointType.ExternalNetwork, Path(network.Namespace, network.Name), network.Name, network.Namespace, network.Tags);
    }

    /// <summary>Namespace and name as one path.</summary>
    /// <param name="space">Absolute path of the namespace.</param>
    /// <param name="name">The name; one that is a path already stays as it is.</param>
    public static string Path(string space, string name)
    {
        ArgumentNullException.ThrowIfNull(space);
        return space.EndsWith('/') ? space + name : $"{space}/{name}";
    }
}
