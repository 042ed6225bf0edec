using System.Collections.Immutable;
using System.Reflection.Metadata;

namespace Datapath.Tests.Architecture;

/// <summary>Decodes signatures into the full names of the types in them, nested ones under their outermost type.</summary>
internal sealed class TypeNames : ISignatureTypeProvider<ImmutableArray<string>, object?>
{
    public static TypeNames Provider { get; } = new();

    /// <summary>The types that a token of an instruction mentions.</summary>
    public static IEnumerable<string> Of(MetadataReader metadata, EntityHandle handle) =>
        handle.Kind switch
        {
            HandleKind.TypeDefinition => [Name(metadata, (TypeDefinitionHandle)handle)],
            HandleKind.TypeReference => [Name(metadata, (TypeReferenceHandle)handle)],
            HandleKind.TypeSpecification => metadata.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(Provider, null),
            HandleKind.FieldDefinition => Of(metadata, metadata.GetFieldDefinition((FieldDefinitionHandle)handle).GetDeclaringType()),
            HandleKind.MethodDefinition => Of(metadata, metadata.GetMethodDefinition((MethodDefinitionHandle)handle).GetDeclaringType()),
            HandleKind.MethodSpecification => OfGenericMethod(metadata, metadata.GetMethodSpecification((MethodSpecificationHandle)handle)),
            HandleKind.MemberReference => OfMember(metadata, metadata.GetMemberReference((MemberReferenceHandle)handle)),
            _ => [],
        };

    public ImmutableArray<string> GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) =>
        [Name(reader, handle)];

    public ImmutableArray<string> GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) =>
        [Name(reader, handle)];

    public ImmutableArray<string> GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
        reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);

    public ImmutableArray<string> GetGenericInstantiation(ImmutableArray<string> genericType, ImmutableArray<ImmutableArray<string>> typeArguments) =>
        [.. genericType, .. typeArguments.SelectMany(type => type)];

    public ImmutableArray<string> GetFunctionPointerType(MethodSignature<ImmutableArray<string>> signature) => [.. MethodTypes.Names(signature)];

    public ImmutableArray<string> GetModifiedType(ImmutableArray<string> modifier, ImmutableArray<string> unmodifiedType, bool isRequired) =>
        [.. modifier, .. unmodifiedType];

    public ImmutableArray<string> GetArrayType(ImmutableArray<string> elementType, ArrayShape shape) => elementType;

    public ImmutableArray<string> GetByReferenceType(ImmutableArray<string> elementType) => elementType;

    public ImmutableArray<string> GetPinnedType(ImmutableArray<string> elementType) => elementType;

    public ImmutableArray<string> GetPointerType(ImmutableArray<string> elementType) => elementType;

    public ImmutableArray<string> GetSZArrayType(ImmutableArray<string> elementType) => elementType;

    public ImmutableArray<string> GetGenericMethodParameter(object? genericContext, int index) => [];

    public ImmutableArray<string> GetGenericTypeParameter(object? genericContext, int index) => [];

    public ImmutableArray<string> GetPrimitiveType(PrimitiveTypeCode typeCode) => [];

    private static IEnumerable<string> OfGenericMethod(MetadataReader metadata, MethodSpecification method) =>
        Of(metadata, method.Method).Concat(method.DecodeSignature(Provider, null).SelectMany(type => type));

    private static IEnumerable<string> OfMember(MetadataReader metadata, MemberReference member) =>
        Of(metadata, member.Parent)
            .Concat(
                member.GetKind() == MemberReferenceKind.Method
                    ? MethodTypes.Names(member.DecodeMethodSignature(Provider, null))
                    : member.DecodeFieldSignature(Provider, null)
            );

    private static string Name(MetadataReader metadata, TypeDefinitionHandle handle)
    {
        TypeDefinition type = metadata.GetTypeDefinition(handle);
        return type.GetDeclaringType().IsNil
            ? $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}"
            : Name(metadata, type.GetDeclaringType());
    }

    private static string Name(MetadataReader metadata, TypeReferenceHandle handle)
    {
        TypeReference type = metadata.GetTypeReference(handle);
        return type.ResolutionScope.Kind == HandleKind.TypeReference
            ? Name(metadata, (TypeReferenceHandle)type.ResolutionScope)
            : $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}";
    }
}
