// The identity of one app. It outlives the app, so that its rights need not be given again when the app is made anew.

@description('Name of the user-assigned identity')
param name string

@description('Region')
param location string

@description('Tags')
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

output id string = identity.id
output clientId string = identity.properties.clientId
output principalId string = identity.properties.principalId
