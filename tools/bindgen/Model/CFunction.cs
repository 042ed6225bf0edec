using System.Collections.Immutable;

namespace Datapath.Bindgen.Model;

/// <summary>A function that a header declares.</summary>
/// <param name="Name">In C.</param>
/// <param name="Header">The header, as it is included.</param>
/// <param name="Result">What it returns.</param>
/// <param name="Parameters">Its parameters, named.</param>
/// <param name="IsStatic">Static or inline: there is no symbol of it in a library.</param>
internal sealed record CFunction(string Name, string Header, CType Result, ImmutableArray<CParameter> Parameters, bool IsStatic);
