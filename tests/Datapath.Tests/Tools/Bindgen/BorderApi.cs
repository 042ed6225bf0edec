namespace Datapath.Tests.Tools.Bindgen.Imports;

/// <summary>The hand-written half of the class of imports. Nothing calls it: there is no such library.</summary>
internal static unsafe partial class BorderApi
{
    internal const string Library = "libborder.so.1";
}
