using Datapath.Lab.Networks;

namespace Datapath.Lab.Demo;

/// <summary>A name in the expected table: a host and the addresses that it uses under this name.</summary>
/// <param name="Host">The host.</param>
/// <param name="Addresses">The addresses.</param>
internal sealed record Endpoint(LabHost Host, EndpointAddresses Addresses);
