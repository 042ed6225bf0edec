namespace Datapath.Bindgen.Model;

/// <summary>A parameter of a function.</summary>
/// <param name="Name">In C.</param>
/// <param name="Type">Its type; an array has become a pointer.</param>
internal sealed record CParameter(string Name, CType Type);
