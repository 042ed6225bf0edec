using System.Collections.Immutable;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Datapath.Tests.Architecture;

/// <summary>The names of all types that a method's signature, locals and instructions mention.</summary>
internal static class MethodTypes
{
    private static readonly Dictionary<int, OpCode> OpCodesByValue = typeof(OpCodes)
        .GetFields()
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => code.Value & 0xffff);

    public static IEnumerable<string> Of(PEReader image, MetadataReader metadata, MethodDefinition method)
    {
        var names = new HashSet<string>(Names(method.DecodeSignature(TypeNames.Provider, genericContext: null)));
        if (method.RelativeVirtualAddress == 0)
        {
            return names;
        }
        MethodBodyBlock body = image.GetMethodBody(method.RelativeVirtualAddress);
        if (!body.LocalSignature.IsNil)
        {
            StandaloneSignature locals = metadata.GetStandaloneSignature(body.LocalSignature);
            names.UnionWith(locals.DecodeLocalSignature(TypeNames.Provider, genericContext: null).SelectMany(type => type));
        }
        foreach (EntityHandle handle in Tokens(body.GetILReader()))
        {
            names.UnionWith(TypeNames.Of(metadata, handle));
        }
        return names;
    }

    public static IEnumerable<string> Names(MethodSignature<ImmutableArray<string>> signature) =>
        signature.ParameterTypes.SelectMany(type => type).Concat(signature.ReturnType);

    private static List<EntityHandle> Tokens(BlobReader code)
    {
        var handles = new List<EntityHandle>();
        while (code.RemainingBytes > 0)
        {
            int value = code.ReadByte();
            OpCode op = OpCodesByValue[value == 0xfe ? 0xfe00 | code.ReadByte() : value];
            switch (op.OperandType)
            {
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType:
                    handles.Add(MetadataTokens.EntityHandle(code.ReadInt32()));
                    break;
                case OperandType.InlineSwitch:
                    int targets = code.ReadInt32();
                    code.Offset += 4 * targets;
                    break;
                default:
                    code.Offset += SizeOf(op.OperandType);
                    break;
            }
        }
        return handles;
    }

    private static int SizeOf(OperandType type) =>
        type switch
        {
            OperandType.InlineNone => 0,
            OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
            OperandType.InlineVar => 2,
            OperandType.InlineI8 or OperandType.InlineR => 8,
            _ => 4,
        };
}
