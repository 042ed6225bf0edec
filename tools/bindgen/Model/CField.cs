namespace Datapath.Bindgen.Model;

/// <summary>A member of a struct or union; members of unnamed structs inside stand here as C lets them be named.</summary>
/// <param name="Name">In C.</param>
/// <param name="Type">Its type; of a bit-field the type it was declared with.</param>
/// <param name="OffsetBits">From the start of the outermost struct.</param>
/// <param name="WidthBits">Of a bit-field; 0 for every other member.</param>
internal sealed record CField(string Name, CType Type, int OffsetBits, int WidthBits);
