using System.Text;
using Datapath.Bindgen.Model;

namespace Datapath.Bindgen.Writing;

/// <summary>Writes the numbers that C gives names by macros.</summary>
internal static class ConstantWriter
{
    /// <summary>The class of all constants, in their order in the header.</summary>
    internal static Block Write(IEnumerable<CConstant> constants)
    {
        var text = new StringBuilder();
        text.Append("/// <summary>Numbers that both halves share.</summary>\n");
        text.Append("internal static class Abi\n{\n");
        text.Append(string.Join("\n", constants.Select(Constant)));
        return new Block("the macros", text.Append("}\n").ToString());
    }

    // DP_ABI_VERSION is Abi.Version: the class says the rest.
    private static string Constant(CConstant constant)
    {
        string type = constant.Value <= int.MaxValue ? "int" : constant.Value <= uint.MaxValue ? "uint" : "long";
        return $"    /// <summary><c>{constant.Name}</c>.</summary>\n"
            + $"    internal const {type} {Naming.AsInCSharp.Value("abi", constant.Name)} = {constant.Value};\n";
    }
}
